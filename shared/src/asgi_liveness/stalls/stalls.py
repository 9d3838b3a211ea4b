"""Samples and ends -> stalls, each with its length and the line to blame. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from asgi_liveness.serving.records import Collection
from asgi_liveness.stalls import stack
from asgi_liveness.stalls.line import Line, line

if TYPE_CHECKING:
    from asgi_liveness.serving.records import Frame, Heartbeat, Sample, StallEnd
    from asgi_liveness.stalls.criteria import Criteria

_MOSTLY: Final = 0.5
"""The least part of a time, or of the samples, that counts as most of it."""
_INSTANT: Final = 1e-9  # seconds
_WAKES: Final = 50
"""Times a second that a thread which waits for the GIL wakes, at least. It wakes 200 times a second
(every 5 ms, ``sys.getswitchinterval``); a thread that waits in a call does not."""
_ONE_SAMPLE: Final = 3
"""Samples. One is enough for a stall that was too short for this many."""


@dataclass(frozen=True, kw_only=True)
class LoopRecord:
    """What event loops did between two moments. Times are seconds of the monotonic clock."""

    began: float
    ended: float
    heartbeats: tuple[Heartbeat, ...] = ()
    """Of the event loops that serve, read at the end; empty where no process is watched."""
    samples: tuple[Sample, ...] = ()
    ends: tuple[StallEnd, ...] = ()
    collections: tuple[Collection, ...] = ()

    @property
    def passes(self) -> list[Collection]:
        """The passes of the garbage collector, and those that go on."""
        open_ones = (
            Collection(each.process, each.pass_since, self.ended)
            for each in self.heartbeats
            if each.pass_since
        )
        return [*self.collections, *open_ones]


@dataclass(frozen=True)
class Stall:
    """A time in which an event loop ran nothing else, because one callback blocked it."""

    began: float
    length: float
    """In seconds, less the period of the heartbeat."""
    samples: tuple[Sample, ...]
    line: Line | None
    """The line to blame; None where the samples show no code that can be, or there are none."""
    ran: float | None = None
    """The part of the stall for which the loop's thread ran or waited for a processor, and for
    nothing else; None where the system does not count."""
    others: float = 0.0
    """The part for which the other threads of its process ran; above 1 for several processors."""
    process: int = 0
    slot: int = 0
    """The event loop's place on the board."""
    collected: float = 0.0
    """The seconds of it that the longest full pass of the garbage collector took."""
    goes_on: bool = False
    """Whether it had not ended at the end of the record."""
    too_short: bool = False
    """Whether a longer look may show its line: the samples are too few, or the loop's thread waited
    for a processor."""
    waited: bool = False
    """Whether it was too long only because the loop's thread waited for a processor."""

    @property
    def frame(self) -> Frame | None:
        """The frame of the line to blame."""
        return self.line.frame if self.line else None

    @property
    def gil_held(self) -> bool:
        """Whether C code held the GIL in most samples."""
        held = sum(sample.gil_held for sample in self.samples)
        return held > _MOSTLY * len(self.samples)

    @property
    def by_another(self) -> bool:
        """Whether another thread than the event loop's held the GIL in most samples."""
        held = sum(bool(sample.by_another) for sample in self.samples)
        return held > _MOSTLY * len(self.samples)

    @property
    def shows_held_gil(self) -> bool:
        """Whether the watcher did not run from one sample to the next, and the process did."""
        moments = Counter(sample.watcher_ran_at for sample in self.samples if sample.gil_held)
        ran = self.ran is None or self.ran + self.others > _MOSTLY
        return ran and any(times > 1 for times in moments.values())

    @property
    def imports(self) -> bool:
        """Whether every sample shows the import of a module."""
        return bool(self.samples) and all(stack.imports(sample.stack) for sample in self.samples)


@dataclass(frozen=True)
class _Use:
    """How the loop's thread spent the time from the first sample of a stall to the last."""

    ran: float
    """The part for which it ran, of the time in which it did not wait for a processor."""
    queued: float
    """The part for which it waited for a processor."""
    others: float
    """The part for which the other threads of its process ran; above 1 for several processors."""
    slices: float
    """How often a second it got a processor."""

    @property
    def contended(self) -> bool:
        """Whether the thread waited for the GIL while other threads of its process held it."""
        return self.ran < _MOSTLY < self.others and self.slices > _WAKES


def samples_apart(max_stall: float) -> float:
    """Return the seconds between two samples, with the watcher's wait for the GIL."""
    return min(max_stall / 2, 0.1) + 0.01


def stalls(record: LoopRecord, criteria: Criteria) -> list[Stall]:
    """Return the stalls that lasted longer than the criteria allow, in the order they began."""
    last = {(end.process, end.slot, end.began): end.ended for end in record.ends}
    periods = {heartbeat.process: heartbeat.period for heartbeat in record.heartbeats}
    for heartbeat in record.heartbeats:
        if heartbeat.silent(record.ended) > criteria.max_stall:
            last[heartbeat.process, heartbeat.slot, heartbeat.beat_at] = record.ended
    known = set(last)
    # A worker that was killed in a stall leaves samples, but neither an end nor a heartbeat.
    for sample in record.samples:
        if (key := _key(sample)) not in known:
            last[key] = max(sample.at, last.get(key, 0.0))
    found = []
    for (process, slot, began), ended in last.items():
        first, end = max(began, record.began), min(ended, record.ended)
        length = end - first - periods.get(process, 0.0)
        samples = [sample for sample in record.samples if _key(sample) == (process, slot, began)]
        samples.sort(key=lambda sample: sample.at)
        if length > criteria.max_stall:
            stall = _stall(began, length, tuple(samples), criteria)
            passes = (
                min(each.ended, end) - max(each.began, first)
                for each in record.passes
                if each.process == process
            )
            collected = max(passes, default=0.0)
            goes_on = ended >= record.ended
            of = replace(stall, process=process, slot=slot, collected=collected, goes_on=goes_on)
            found.append(of)
    return sorted(found, key=lambda stall: stall.began)


def _key(sample: Sample) -> tuple[int, int, float]:
    """Return what identifies the stall of a sample: its event loop, and the last beat before."""
    return sample.process, sample.slot, sample.began


def _stall(began: float, length: float, samples: tuple[Sample, ...], criteria: Criteria) -> Stall:
    max_stall, package = criteria.max_stall, criteria.package
    use = _use(samples)
    ran, others = (use.ran, use.others) if use else (None, 0.0)
    samples = _held_long(tuple(sample for sample in samples if sample.stack or sample.gil_held))
    waited = use is not None and length * (1 - use.queued) <= max_stall
    too_short = waited or len(samples) < _ONE_SAMPLE
    unknown = Stall(
        began, length, samples, None, ran=ran, others=others, too_short=too_short, waited=waited
    )
    # A thread that holds the GIL from one sample to the next shares it with nobody.
    contended = use and use.contended and not any(sample.by_another for sample in samples)
    if contended or waited:
        return unknown
    busy = ran is not None and ran > _MOSTLY
    # The watcher samples where the GIL is released, and py-spy anywhere: py-spy may show a culprit
    # where the watcher does not. On a busy machine py-spy samples while the watcher is only late.
    outside_samples = sum(sample.outside for sample in samples)
    from_outside = outside_samples > max(1, (len(samples) - 1) // 2)
    held = unknown.gil_held
    found = []
    for outside in (from_outside, not from_outside):
        chosen = tuple(sample for sample in samples if sample.outside is outside)
        stacks = [sample.stack for sample in chosen if sample.stack]
        blamed = sum(bool(stack.blamed(each, package, ran=busy)) for each in stacks)
        enough = len(samples) > 1 or length - max_stall < _ONE_SAMPLE * samples_apart(max_stall)
        shown = line(stacks, package, ran=busy, held=held)
        if shown and enough and blamed >= _MOSTLY * len(chosen):
            found.append(Stall(began, length, chosen, shown, ran, others))
    # On a busy machine, one sample may show any library. py-spy sees no frames below a greenlet.
    own = [each for each in found if each.line and stack.is_of_app(each.line.frame.file, package)]
    sure = [each for each in found if each.line and each.line.seen > 1]
    return next(iter([*own, *sure]), unknown)


def _held_long(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    """Leave out other threads that held the GIL in only one sample: they share it in turn."""
    times = Counter((sample.by_another, sample.watcher_ran_at) for sample in samples)
    return tuple(
        sample
        for sample in samples
        if not sample.by_another or times[sample.by_another, sample.watcher_ran_at] > 1
    )


def _use(samples: tuple[Sample, ...]) -> _Use | None:
    """Return what the system counted between the first sample and the last, or None."""
    counted = [sample for sample in samples if sample.slices]
    if len(counted) < 2 or counted[-1].at <= counted[0].at:  # noqa: PLR2004 (two ends of a time)
        return None
    first, last = counted[0], counted[-1]
    passed, ran = last.at - first.at, last.ran - first.ran
    queued = min(last.queued - first.queued + _waits(counted), passed)
    return _Use(
        ran=ran / max(passed - queued, ran, _INSTANT),
        queued=queued / passed,
        others=(last.cpu - first.cpu - ran) / passed,
        slices=(last.slices - first.slices) / passed,
    )


def _waits(counted: list[Sample]) -> float:
    """Return for how long the thread has waited for a processor when the last sample was taken.

    The system counts a wait once it has ended. A thread that is ready in two samples, and got no
    processor from one to the other, has waited for one.
    """
    last = counted[-1]
    first = next(each for each in counted if each.slices == last.slices)
    waits = last.ready and first.ready
    return max(last.at - first.at - (last.ran - first.ran), 0.0) if waits else 0.0
