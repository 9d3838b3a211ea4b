"""Looks and ends -> stalls, each with its length and the line to blame. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asgi_liveness.stalls import stack

if TYPE_CHECKING:
    from asgi_liveness.serving.board import Frame, Heartbeat, Sample, StallEnd
    from asgi_liveness.stalls.criteria import Criteria

_MOSTLY: Final = 0.5
"""The part of a time from which on it was mostly so."""
_INSTANT: Final = 1e-9  # seconds
_ASKS: Final = 50
"""Times a second. A thread that waits for the GIL is woken 200 times a second, one that waits in a
call is not."""
_ONE_SAMPLE: Final = 3
"""A stall in which there was no time for so many looks need not be seen twice."""


@dataclass(frozen=True, kw_only=True)
class LoopRecord:
    """What event loops showed between two moments. Times in seconds of the monotonic clock."""

    began: float
    ended: float
    heartbeats: tuple[Heartbeat, ...] = ()
    """The event loops that serve, as they beat at the end; empty where no process is watched."""
    samples: tuple[Sample, ...] = ()
    ends: tuple[StallEnd, ...] = ()


@dataclass(frozen=True)
class Stall:
    """A time in which an event loop did not turn."""

    began: float
    length: float
    samples: tuple[Sample, ...]
    frame: Frame | None
    """The line to blame; None where no code of the app, or nobody, was seen."""
    below: Frame | None = None
    """The library's frame that it called."""
    seen: int = 0
    """In how many looks it stood there."""
    ran: float | None = None
    """The part of it for which the loop's thread ran, and did not wait for anything but a
    processor; None where nobody counted."""

    @property
    def gil_held(self) -> bool:
        """Whether C code kept the GIL from all other threads, mostly."""
        held = sum(sample.gil_held for sample in self.samples)
        return held > _MOSTLY * len(self.samples)

    @property
    def imports(self) -> bool:
        """Whether a module was imported whenever one looked."""
        return bool(self.samples) and all(stack.imports(sample.stack) for sample in self.samples)


@dataclass(frozen=True)
class _Use:
    """What the loop's thread made of a stall, from the first look to the last; as parts of it."""

    ran: float
    """Of the time in which it did not wait for a processor."""
    queued: float
    others: float
    """What the other threads of its process ran for."""
    slices: float
    """How often a second it was given a processor."""

    @property
    def contended(self) -> bool:
        """Whether it waited for the GIL, which others used: it then asks for it every 5 ms."""
        return self.ran < _MOSTLY < self.others and self.slices > _ASKS


def samples_apart(max_stall: float) -> float:
    """Return how many seconds are between two looks, and the watcher's turn with the GIL."""
    return min(max_stall / 2, 0.1) + 0.01


def stalls(record: LoopRecord, criteria: Criteria) -> list[Stall]:
    """Return the stalls that were longer than the criteria allow, in the order they began."""
    last: dict[tuple[int, float], float] = {
        (end.process, end.began): end.ended for end in record.ends
    }
    periods = {heartbeat.process: heartbeat.period for heartbeat in record.heartbeats}
    for heartbeat in record.heartbeats:
        if heartbeat.silent(record.ended) > criteria.max_stall:
            last[heartbeat.process, heartbeat.beat_at] = record.ended
    told = set(last)
    # A worker that was ended has left its looks, and no beat.
    for sample in record.samples:
        if (sample.process, sample.began) not in told:
            last[sample.process, sample.began] = max(
                sample.at, last.get((sample.process, sample.began), 0.0)
            )
    found = []
    for (process, began), ended in last.items():
        length = min(ended, record.ended) - max(began, record.began)
        length -= periods.get(process, 0.0)
        samples = [
            sample
            for sample in record.samples
            if (sample.process, sample.began) == (process, began)
        ]
        samples.sort(key=lambda sample: sample.at)
        if length > criteria.max_stall:
            found.append(_stall(began, length, tuple(samples), criteria))
    return sorted(found, key=lambda stall: stall.began)


def _stall(began: float, length: float, samples: tuple[Sample, ...], criteria: Criteria) -> Stall:
    max_stall, package = criteria.max_stall, criteria.package
    use = _use(samples)
    ran = use.ran if use else None
    samples = _held_twice(tuple(sample for sample in samples if sample.stack or sample.gil_held))
    unknown = Stall(began, length, samples, None, ran=ran)
    if use and (use.contended or length * (1 - use.queued) <= max_stall):
        return unknown
    busy = ran is not None and ran > _MOSTLY
    # The process itself sees only where the GIL is given up: it may see nobody where py-spy does.
    from_outside = sum(sample.outside for sample in samples) > 1
    for outside in (from_outside, not from_outside):
        those = tuple(sample for sample in samples if sample.outside is outside)
        blamed = [stack.blamed(sample.stack, package, ran=busy) for sample in those]
        votes = Counter(frame for frame, _ in filter(None, blamed))
        enough = len(samples) > 1 or length - max_stall < _ONE_SAMPLE * samples_apart(max_stall)
        if votes and enough and votes.total() >= _MOSTLY * len(those):
            frame, seen = votes.most_common(1)[0]
            if seen == 1 and not stack.is_of_app(frame[0], package):
                continue  # any library may be seen once, on a machine without time for it
            below = Counter(one[1] for one in blamed if one and one[0] == frame)
            return Stall(began, length, those, frame, below.most_common(1)[0][0], seen, ran)
    return unknown


def _held_twice(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    """Leave out threads that were seen with the GIL but once: they take turns with each other."""
    times = Counter(sample.by_another for sample in samples)
    return tuple(
        sample for sample in samples if not sample.by_another or times[sample.by_another] > 1
    )


def _use(samples: tuple[Sample, ...]) -> _Use | None:
    """Return what was counted between the first look and the last; None if nothing was."""
    counted = [sample for sample in samples if sample.slices]
    if len(counted) < 2 or counted[-1].at <= counted[0].at:  # noqa: PLR2004 (two ends of a time)
        return None
    first, last = counted[0], counted[-1]
    passed, ran = last.at - first.at, last.ran - first.ran
    queued = last.queued - first.queued
    return _Use(
        ran=ran / max(passed - queued, ran, _INSTANT),
        queued=queued / passed,
        others=(last.cpu - first.cpu - ran) / passed,
        slices=(last.slices - first.slices) / passed,
    )
