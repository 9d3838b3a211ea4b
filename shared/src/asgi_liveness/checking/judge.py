"""What a window showed -> a verdict on it, with the line to blame and what to do.

The rule: the event loop's own beat judges; how late an answer was does not. A stall is blamed on a
line only if somebody saw it there. Nothing is read but the sources of the lines that are named.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.late import late
from asgi_liveness.checking.report import Probes, Verdict, WindowReport
from asgi_liveness.stalls import stack
from asgi_liveness.stalls.advice import advice
from asgi_liveness.stalls.culprit import (
    computes,
    culprit_at,
    kind,
    where,
)
from asgi_liveness.stalls.stalls import stalls

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from asgi_liveness.checking.watch import CheckObservation
    from asgi_liveness.probing.response import SentRequest
    from asgi_liveness.serving.board import Frame, Sample
    from asgi_liveness.stalls.criteria import Criteria
    from asgi_liveness.stalls.stalls import Stall

_AS_LONG: Final = 2
"""A stall that is so many times longer than those at rest is not the same."""


@dataclass(frozen=True)
class Judge:
    """Judges the windows of an app."""

    criteria: Criteria

    def idle(self, observation: CheckObservation) -> WindowReport:
        """Judge the window without a request."""
        found = self._stalls(observation)
        route = self._judged(None, observation, found, observation, turned=not found)
        stalled = route.verdict is Verdict.STALLED and route.culprit is not None
        return replace(route, verdict=Verdict.IDLE_STALLED) if stalled else route

    def during(
        self, call: str, observation: CheckObservation, idle: CheckObservation
    ) -> WindowReport:
        """Judge the window of a request; what stalls the idle app is not the request's doing."""
        at_rest = self._stalls(idle)
        every = self._stalls(observation)
        found = [stall for stall in every if not _known(stall, at_rest)]
        warm, cold = _apart(found, observation)
        route = self._judged(call, observation, warm, idle, turned=not every)
        live = route.verdict is Verdict.LIVE
        return replace(route, notes=tuple(_notes(call, observation, cold, live=live)))

    def line_of(self, samples: Sequence[Sample]) -> str:
        """Return the line at which most *looks* saw the event loop; "" if at none of the app's."""
        blamed = [stack.blamed(sample.stack, self.criteria.package) for sample in samples]
        frames = Counter(frame for frame, _ in filter(None, blamed))
        return where(frames.most_common(1)[0][0]) if frames else ""

    def _stalls(self, observation: CheckObservation) -> list[Stall]:
        return stalls(observation, self.criteria)

    def _judged(
        self,
        call: str | None,
        observation: CheckObservation,
        found: list[Stall],
        idle: CheckObservation,
        *,
        turned: bool,
    ) -> WindowReport:
        answered = _answered(observation, idle)
        in_time = [
            p for p in answered if p.response and p.response.at - p.due <= self.criteria.max_stall
        ]
        seen = WindowReport(
            during=call,
            verdict=Verdict.LIVE,
            probes=Probes(len(observation.probes), len(answered)),
            longest_stall_s=_longest(found) if observation.heartbeats else None,
            idle_stall_s=_longest(self._stalls(idle)) if idle.heartbeats else None,
            longest_silence_s=_silence(observation, answered),
            strip="".join("|" if probe in in_time else "." for probe in observation.probes),
        )
        if observation.died:
            because = f"the server, or a worker of it, was ended; last words: {observation.died}"
            seen = replace(seen, verdict=Verdict.DIED, because=because)
        elif any(stall.frame for stall in found):
            seen = replace(seen, verdict=Verdict.STALLED)
        elif observation.refused and any(map(_hidden, found)):
            because = f"C code held the GIL; its line cannot be known: {observation.refused}"
            seen = replace(seen, verdict=Verdict.STALLED, because=because, advice=advice("gil"))
        else:
            return late(seen, observation, self.criteria, stalled=bool(found), turned=turned)
        return _blaming(seen, [stall for stall in found if stall.frame])


def _blaming(seen: WindowReport, blamed: list[Stall]) -> WindowReport:
    """Name the line at which most looks saw it, of the function that was seen most."""
    functions: Counter[tuple[str, str]] = Counter()
    frames: Counter[Frame] = Counter()
    for stall in blamed:
        assert stall.frame
        functions[_function(stall.frame)] += stall.seen
        frames[stall.frame] += stall.seen
    if not frames:
        return seen
    frame = max(frames, key=lambda at: (functions[_function(at)], frames[at]))
    worst = max((stall for stall in blamed if stall.frame == frame), key=lambda s: s.seen)
    samples = sum(len(stall.samples) for stall in blamed)
    return replace(
        seen,
        culprit=culprit_at(frame, worst.below, frames[frame], samples),
        advice=advice(kind(worst)),
    )


def _hidden(stall: Stall) -> bool:
    """Whether C code held the GIL, as far as can be known without seeing it."""
    return stall.gil_held and len(stall.samples) > 1 and computes(stall)


def _known(stall: Stall, at_rest: list[Stall]) -> bool:
    """Whether the app at rest stalls like that as well, and about as long."""
    return any(
        stall.frame
        and other.frame
        and _function(stall.frame) == _function(other.frame)
        and stall.length <= _AS_LONG * other.length
        for other in at_rest
    )


def _apart(found: list[Stall], observation: CheckObservation) -> tuple[list[Stall], list[Stall]]:
    """Set apart what stalls once: imports, and what no later call did that had the time to."""
    cold = [stall for stall in found if stall.imports]
    warm = [stall for stall in found if not stall.imports]
    answers = [
        (call.sent, call.response.at)
        for call in observation.calls
        if call.response and not call.response.error
    ]
    first = min((at for _, at in answers), default=observation.ended)
    later = min((at for sent, at in answers if sent >= first), default=observation.ended)
    watched = observation.ended - later
    if warm and all(stall.began < first for stall in warm) and _longest(warm) < watched:
        return [], found
    return warm, cold


def _notes(call: str, observation: CheckObservation, cold: list[Stall], *, live: bool) -> list[str]:
    """Say what else there is to say of the calls."""
    notes = []
    if cold:
        worst = max(cold, key=lambda stall: stall.length)
        at = f" at {where(worst.frame)}" if worst.frame else ""
        notes.append(
            f"its first call was cold: the event loop was silent for {worst.length * 1000:.0f} ms"
            f"{at}, and in no later one"
        )
    if observation.first_is_open:
        seconds = observation.ended - observation.began
        fine = " Meant to be endless? Then fine." if live else ""
        notes.append(f"{call} itself had not ended after {seconds:.1f} s and was closed.{fine}")
    answers = [call.response for call in observation.calls if call.response]
    failed = Counter(
        f"failed ({response.error})" if response.error else f"answered {response.status}"
        for response in answers
        if response.error or response.status >= HTTPStatus.BAD_REQUEST
    )
    notes += [f"{call} itself {how}, {n} of {len(answers)} times" for how, n in failed.items()]
    return notes


def _answered(observation: CheckObservation, idle: CheckObservation) -> list[SentRequest]:
    """Return the probes that were answered as the idle app answers, whatever that is."""
    statuses = Counter(probe.response.status for probe in idle.probes if probe.response)
    usual = statuses.most_common(1)[0][0] if statuses else HTTPStatus.OK
    return [
        probe
        for probe in observation.probes
        if probe.response and not probe.response.error and probe.response.status == usual
    ]


def _silence(observation: CheckObservation, answered: Collection[SentRequest]) -> float:
    """Return the longest time for which a probe waited and none was answered."""
    moments = sorted(probe.response.at for probe in answered if probe.response)
    waits = (
        next((moment for moment in moments if moment >= probe.due), observation.ended) - probe.due
        for probe in observation.probes
    )
    return max(waits, default=0.0)


def _function(frame: Frame) -> tuple[str, str]:
    return frame[0], frame[2]


def _longest(found: Collection[Stall]) -> float:
    return max((stall.length for stall in found), default=0.0)
