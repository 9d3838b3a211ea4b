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
    from asgi_liveness.conformance.observation import SentRequest
    from asgi_liveness.serving.board import Look, Place
    from asgi_liveness.stalls.stalls import Stall

_AS_LONG: Final = 2
"""A stall that is so many times longer than those at rest is not the same."""


@dataclass(frozen=True)
class Judge:
    """Judges the windows of an app that is in *package*; *max_stall* in seconds."""

    max_stall: float
    package: str = ""

    def idle(self, evidence: CheckObservation) -> WindowReport:
        """Judge the window without a request."""
        found = self._stalls(evidence)
        route = self._judged(None, evidence, found, evidence, turned=not found)
        stalled = route.verdict is Verdict.STALLED and route.culprit is not None
        return replace(route, verdict=Verdict.IDLE_STALLED) if stalled else route

    def during(self, call: str, evidence: CheckObservation, idle: CheckObservation) -> WindowReport:
        """Judge the window of a request; what stalls the idle app is not the request's doing."""
        at_rest = self._stalls(idle)
        every = self._stalls(evidence)
        found = [stall for stall in every if not _known(stall, at_rest)]
        warm, cold = _apart(found, evidence)
        route = self._judged(call, evidence, warm, idle, turned=not every)
        live = route.verdict is Verdict.LIVE
        return replace(route, notes=tuple(_notes(call, evidence, cold, live=live)))

    def line_of(self, looks: Sequence[Look]) -> str:
        """Return the line at which most *looks* saw the event loop; "" if at none of the app's."""
        blamed = [stack.blamed(look.stack, self.package) for look in looks]
        places = Counter(place for place, _ in filter(None, blamed))
        return where(places.most_common(1)[0][0]) if places else ""

    def _stalls(self, evidence: CheckObservation) -> list[Stall]:
        return stalls(evidence, self.max_stall, self.package)

    def _judged(
        self,
        call: str | None,
        evidence: CheckObservation,
        found: list[Stall],
        idle: CheckObservation,
        *,
        turned: bool,
    ) -> WindowReport:
        answered = _answered(evidence, idle)
        in_time = [p for p in answered if p.answer and p.answer.at - p.due <= self.max_stall]
        seen = WindowReport(
            during=call,
            verdict=Verdict.LIVE,
            probes=Probes(len(evidence.probes), len(answered)),
            longest_stall_s=_longest(found) if evidence.pulses else None,
            idle_stall_s=_longest(self._stalls(idle)) if idle.pulses else None,
            longest_silence_s=_silence(evidence, answered),
            strip="".join("|" if probe in in_time else "." for probe in evidence.probes),
        )
        if evidence.died:
            because = f"the server, or a worker of it, was ended; last words: {evidence.died}"
            seen = replace(seen, verdict=Verdict.DIED, because=because)
        elif any(stall.place for stall in found):
            seen = replace(seen, verdict=Verdict.STALLED)
        elif evidence.refused and any(map(_hidden, found)):
            because = f"C code held the GIL; its line cannot be known: {evidence.refused}"
            seen = replace(seen, verdict=Verdict.STALLED, because=because, advice=advice("gil"))
        else:
            limits = (self.max_stall, self.package)
            return late(seen, evidence, *limits, stalled=bool(found), turned=turned)
        return _blaming(seen, [stall for stall in found if stall.place])


def _blaming(seen: WindowReport, blamed: list[Stall]) -> WindowReport:
    """Name the line at which most looks saw it, of the function that was seen most."""
    functions: Counter[tuple[str, str]] = Counter()
    places: Counter[Place] = Counter()
    for stall in blamed:
        assert stall.place
        functions[_function(stall.place)] += stall.seen
        places[stall.place] += stall.seen
    if not places:
        return seen
    place = max(places, key=lambda at: (functions[_function(at)], places[at]))
    worst = max((stall for stall in blamed if stall.place == place), key=lambda s: s.seen)
    looks = sum(len(stall.looks) for stall in blamed)
    return replace(
        seen,
        culprit=culprit_at(place, worst.below, places[place], looks),
        advice=advice(kind(worst)),
    )


def _hidden(stall: Stall) -> bool:
    """Whether C code held the GIL, as far as can be known without seeing it."""
    return stall.gil_held and len(stall.looks) > 1 and computes(stall)


def _known(stall: Stall, at_rest: list[Stall]) -> bool:
    """Whether the app at rest stalls like that as well, and about as long."""
    return any(
        stall.place
        and other.place
        and _function(stall.place) == _function(other.place)
        and stall.length <= _AS_LONG * other.length
        for other in at_rest
    )


def _apart(found: list[Stall], evidence: CheckObservation) -> tuple[list[Stall], list[Stall]]:
    """Set apart what stalls once: imports, and what no later call did that had the time to."""
    cold = [stall for stall in found if stall.imports]
    warm = [stall for stall in found if not stall.imports]
    answers = [
        (call.sent, call.answer.at)
        for call in evidence.calls
        if call.answer and not call.answer.error
    ]
    first = min((at for _, at in answers), default=evidence.ended)
    later = min((at for sent, at in answers if sent >= first), default=evidence.ended)
    watched = evidence.ended - later
    if warm and all(stall.began < first for stall in warm) and _longest(warm) < watched:
        return [], found
    return warm, cold


def _notes(call: str, evidence: CheckObservation, cold: list[Stall], *, live: bool) -> list[str]:
    """Say what else there is to say of the calls."""
    notes = []
    if cold:
        worst = max(cold, key=lambda stall: stall.length)
        at = f" at {where(worst.place)}" if worst.place else ""
        notes.append(
            f"its first call was cold: the event loop was silent for {worst.length * 1000:.0f} ms"
            f"{at}, and in no later one"
        )
    if evidence.first_is_open:
        seconds = evidence.ended - evidence.began
        fine = " Meant to be endless? Then fine." if live else ""
        notes.append(f"{call} itself had not ended after {seconds:.1f} s and was closed.{fine}")
    answers = [call.answer for call in evidence.calls if call.answer]
    failed = Counter(
        f"failed ({answer.error})" if answer.error else f"answered {answer.status}"
        for answer in answers
        if answer.error or answer.status >= HTTPStatus.BAD_REQUEST
    )
    notes += [f"{call} itself {how}, {n} of {len(answers)} times" for how, n in failed.items()]
    return notes


def _answered(evidence: CheckObservation, idle: CheckObservation) -> list[SentRequest]:
    """Return the probes that were answered as the idle app answers, whatever that is."""
    statuses = Counter(probe.answer.status for probe in idle.probes if probe.answer)
    usual = statuses.most_common(1)[0][0] if statuses else HTTPStatus.OK
    return [
        probe
        for probe in evidence.probes
        if probe.answer and not probe.answer.error and probe.answer.status == usual
    ]


def _silence(evidence: CheckObservation, answered: Collection[SentRequest]) -> float:
    """Return the longest time for which a probe waited and none was answered."""
    moments = sorted(probe.answer.at for probe in answered if probe.answer)
    waits = (
        next((moment for moment in moments if moment >= probe.due), evidence.ended) - probe.due
        for probe in evidence.probes
    )
    return max(waits, default=0.0)


def _function(place: Place) -> tuple[str, str]:
    return place[0], place[2]


def _longest(found: Collection[Stall]) -> float:
    return max((stall.length for stall in found), default=0.0)
