"""The verdict on a window, with its culprit and the advice, from the window's observation.

The rule: the event loop's heartbeat decides what stalled; how late a response was does not. A stall
has a culprit only if a sample shows it there. The judge reads no file but the culprit's source.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.call import still_open
from asgi_liveness.checking.late import late
from asgi_liveness.checking.report import Probes, Verdict, WindowReport
from asgi_liveness.stalls import stack
from asgi_liveness.stalls.advice import advice
from asgi_liveness.stalls.culprit import computes, culprit_at, kind, where
from asgi_liveness.stalls.stalls import stalls

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from asgi_liveness.checking.watch import CheckObservation
    from asgi_liveness.probing.response import SentRequest
    from asgi_liveness.serving.board import Frame, Sample
    from asgi_liveness.stalls.criteria import Criteria
    from asgi_liveness.stalls.stalls import Stall

_SAME_STALL: Final = 2
"""How many times longer than a stall of the idle app a stall may be, to count as the same."""


@dataclass(frozen=True)
class Judge:
    """The judge of an app's windows."""

    criteria: Criteria

    def idle(self, observation: CheckObservation) -> WindowReport:
        """Judge the window without a request."""
        found = self._stalls(observation)
        route = self._judged(None, observation, found, observation, loop_ran=not found)
        stalled = route.verdict is Verdict.STALLED and route.culprit is not None
        return replace(route, verdict=Verdict.IDLE_STALLED) if stalled else route

    def during(
        self, call: str, observation: CheckObservation, idle: CheckObservation
    ) -> WindowReport:
        """Judge the window of a request, leaving out the stalls that the idle app has as well."""
        idle_stalls = self._stalls(idle)
        every = self._stalls(observation)
        new = [stall for stall in every if not _known(stall, idle_stalls)]
        warm, cold = _without_cold(new, observation)
        route = self._judged(call, observation, warm, idle, loop_ran=not every)
        live = route.verdict is Verdict.LIVE
        return replace(route, notes=(*route.notes, *_notes(call, observation, cold, live=live)))

    def line_of(self, samples: Sequence[Sample]) -> str:
        """Return the app's line that most *samples* show; "" if they show no line of the app."""
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
        loop_ran: bool,
    ) -> WindowReport:
        """Judge a window by the stalls *found*; *loop_ran*: it has no stall at all."""
        answered = _answered(observation, idle)
        in_time = [
            p for p in answered if p.response and p.response.at - p.due <= self.criteria.max_stall
        ]
        route = WindowReport(
            during=call,
            verdict=Verdict.LIVE,
            probes=Probes(len(observation.probes), len(answered)),
            longest_stall_s=_longest(found) if observation.heartbeats else None,
            idle_stall_s=_longest(self._stalls(idle)) if idle.heartbeats else None,
            longest_silence_s=_silence(observation, answered),
            strip="".join("|" if probe in in_time else "." for probe in observation.probes),
            notes=_unsent(observation),
        )
        if observation.died:
            because = f"the server, or one of its workers, ended; last log line: {observation.died}"
            route = replace(route, verdict=Verdict.DIED, because=because)
        elif any(stall.frame for stall in found):
            route = replace(route, verdict=Verdict.STALLED)
        elif observation.refused and any(map(_hidden, found)):
            because = f"C code held the GIL, and its line is unknown: {observation.refused}"
            route = replace(route, verdict=Verdict.STALLED, because=because, advice=advice("gil"))
        else:
            return late(route, observation, self.criteria, stalled=bool(found), loop_ran=loop_ran)
        return _blaming(route, [stall for stall in found if stall.frame])


def _blaming(route: WindowReport, blamed: list[Stall]) -> WindowReport:
    """Add the culprit: of the function with the most samples, the line with the most."""
    functions: Counter[tuple[str, str]] = Counter()
    frames: Counter[Frame] = Counter()
    for stall in blamed:
        assert stall.frame
        functions[_function(stall.frame)] += stall.seen
        frames[stall.frame] += stall.seen
    if not frames:
        return route
    frame = max(frames, key=lambda each: (functions[_function(each)], frames[each]))
    worst = max((stall for stall in blamed if stall.frame == frame), key=lambda s: s.seen)
    samples = sum(len(stall.samples) for stall in blamed)
    return replace(
        route,
        culprit=culprit_at(frame, worst.below, frames[frame], samples),
        advice=advice(kind(worst)),
    )


def _hidden(stall: Stall) -> bool:
    """Whether C code probably held the GIL, judged without a sample from py-spy."""
    return stall.gil_held and len(stall.samples) > 1 and computes(stall)


def _known(stall: Stall, idle_stalls: list[Stall]) -> bool:
    """Whether the idle app stalls in the same function, and about as long."""
    return any(
        stall.frame
        and other.frame
        and _function(stall.frame) == _function(other.frame)
        and stall.length <= _SAME_STALL * other.length
        for other in idle_stalls
    )


def _without_cold(
    found: list[Stall], observation: CheckObservation
) -> tuple[list[Stall], list[Stall]]:
    """Return the warm stalls and the cold ones.

    Imports are cold. All stalls are, if each began in the first call and a later call, which had
    the time to stall as long, did not.
    """
    cold = [stall for stall in found if stall.imports]
    warm = [stall for stall in found if not stall.imports]
    responses = [
        (call.sent, call.response.at)
        for call in observation.calls
        if call.response and not call.response.error
    ]
    first = min((at for _, at in responses), default=observation.ended)
    later = min((at for sent, at in responses if sent >= first), default=observation.ended)
    watched = observation.ended - later
    if warm and all(stall.began < first for stall in warm) and _longest(warm) < watched:
        return [], found
    return warm, cold


def _notes(call: str, observation: CheckObservation, cold: list[Stall], *, live: bool) -> list[str]:
    """Return notes on the calls: cold stalls, a first call that did not end, and failures."""
    notes = []
    if cold:
        worst = max(cold, key=lambda stall: stall.length)
        at = f" at {where(worst.frame)}" if worst.frame else ""
        notes.append(
            f"the first call was cold: the event loop was silent for {worst.length * 1000:.0f} ms"
            f"{at}, and not in a later call"
        )
    if observation.first_is_open:
        notes.append(still_open(call, observation, live=live))
    responses = [call.response for call in observation.calls if call.response]
    failed = Counter(
        f"failed ({response.error})" if response.error else f"answered {response.status}"
        for response in responses
        if response.error or response.status >= HTTPStatus.BAD_REQUEST
    )
    notes += [f"{call} itself {how}, {n} of {len(responses)} times" for how, n in failed.items()]
    return notes


def _unsent(observation: CheckObservation) -> tuple[str, ...]:
    """Return a note if probes were not sent."""
    if not observation.unsent:
        return ()
    note = (
        f"{observation.unsent} probes were not sent: as many as the limit on open files allows "
        f"(ulimit -n) were waiting for responses"
    )
    return (note,)


def _answered(observation: CheckObservation, idle: CheckObservation) -> list[SentRequest]:
    """Return the probes that were answered with the idle app's usual status."""
    statuses = Counter(probe.response.status for probe in idle.probes if probe.response)
    usual = statuses.most_common(1)[0][0] if statuses else HTTPStatus.OK
    return [
        probe
        for probe in observation.probes
        if probe.response and not probe.response.error and probe.response.status == usual
    ]


def _silence(observation: CheckObservation, answered: Collection[SentRequest]) -> float:
    """Return the longest time in which a probe waited and no probe was answered."""
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
