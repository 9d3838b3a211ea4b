"""The verdict on a window, with its culprit and the advice, from the window's observation.

The rule: the event loop's heartbeat decides what stalled; how late a response was does not. A stall
has a culprit only if a sample shows it there. The judge reads no file but the culprit's source.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking import notes
from asgi_liveness.checking.late import late
from asgi_liveness.checking.report import Probes, Verdict, WindowReport
from asgi_liveness.page.timeline import timeline
from asgi_liveness.stalls.advice import Kind, advice
from asgi_liveness.stalls.cause import cause, passing
from asgi_liveness.stalls.certain import is_certain
from asgi_liveness.stalls.culprit import culprit_of, where
from asgi_liveness.stalls.handler import handler_of
from asgi_liveness.stalls.line import function_of, line
from asgi_liveness.stalls.merged import merged
from asgi_liveness.stalls.shared import shared
from asgi_liveness.stalls.stalls import stalls
from asgi_liveness.stalls.way import is_called_by_library

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from asgi_liveness.checking.observation import CheckObservation
    from asgi_liveness.probing.response import SentRequest
    from asgi_liveness.serving.records import Sample
    from asgi_liveness.stalls.criteria import Criteria
    from asgi_liveness.stalls.stalls import Stall

_ENOUGH: Final = 8
"""Dumps of a server that runs already. A window of four seconds has about thirty."""
_SAME_STALL: Final = 2
"""How many times longer than a stall of the idle app a stall may be, to count as the same."""


@dataclass(frozen=True)
class Judge:
    """The judge of an app's windows."""

    criteria: Criteria
    folder: Path | None = None
    """Where the app's source is, if that is known."""

    def idle(self, observation: CheckObservation) -> WindowReport:
        """Judge the window without a request."""
        every = self._stalls(observation)
        found = [stall for stall in every if not stall.imports]
        route = self._judged(None, observation, found, observation, loop_ran=not every)
        stalled = route.verdict is Verdict.STALLED and route.culprit is not None
        route = replace(route, notes=(*route.notes, *notes.on_probes(observation, None)))
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
        found = (
            *notes.on_calls(call, observation, cold, live=live),
            *notes.on_probes(observation, idle),
        )
        return replace(route, notes=(*route.notes, *found))

    def undecided(self, observation: CheckObservation) -> bool:
        """Whether a stall goes on whose line a longer window may show."""
        if observation.silent and observation.dumps is not None and not observation.refused:
            # Each dump of a process that runs already takes its time, most on a busy machine.
            found = any(stall.line for stall in self._stalls(observation))
            return observation.dumps < _ENOUGH and not found
        return any(
            stall.goes_on and stall.too_short and not stall.line
            for stall in self._stalls(observation)
        )

    def is_certain(
        self, observation: CheckObservation, idle: CheckObservation, left: float
    ) -> bool:
        """Whether nothing that may come in *left* seconds can change the verdict or the line."""
        if not observation.first_is_open or self._stalls(idle):
            return False
        found = self._stalls(observation)
        return len(found) == 1 and is_certain(found[0], left, self.criteria)

    def line_of(self, samples: Sequence[Sample]) -> str:
        """Return the line that *samples* have in common, in words; "" if they show none."""
        found = line([sample.stack for sample in samples], self.criteria.package)
        return where(found.frame) if found else ""

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
        answered = [p for p in observation.probes if p.response and not p.response.error]
        in_time = [
            p for p in answered if p.response and p.response.at - p.due <= self.criteria.max_stall
        ]
        drawn = timeline(
            observation.probes,
            observation.began,
            observation.ended,
            [(stall.began, stall.began + stall.length) for stall in found],
            any_status=True,
        )
        route = WindowReport(
            during=call,
            verdict=Verdict.LIVE,
            probes=Probes(len(observation.probes), len(answered)),
            longest_stall_s=_longest(found) if observation.heartbeats else None,
            idle_stall_s=_longest(self._stalls(idle)) if idle.heartbeats else None,
            longest_silence_s=_silence(observation, answered),
            strip="".join("|" if probe in in_time else "." for probe in observation.probes),
            notes=notes.on_window(observation),
            timeline=replace(drawn, limit=round(self.criteria.max_stall * 1000)),
            stacks=merged(sample for stall in found for sample in stall.samples),
        )
        if observation.died:
            because = f"the server, or one of its workers, ended; last log line: {observation.died}"
            route = replace(route, verdict=Verdict.DIED, because=because)
        elif any(stall.line for stall in found):
            route = replace(route, verdict=Verdict.STALLED)
        elif observation.refused and any(stall.shows_held_gil for stall in found):
            because = f"C code held the GIL, and its line is unknown: {observation.refused}"
            kind = Kind.GIL
            route = replace(route, verdict=Verdict.STALLED, because=because, advice=advice(kind))
        elif observation.exited:
            because = (
                f"the server ended by itself with exit code 0; last log line: {observation.exited}"
            )
            route = replace(route, verdict=Verdict.INCONCLUSIVE, because=because)
        else:
            return late(route, observation, self.criteria, stalled=bool(found), loop_ran=loop_ran)
        return self._blaming(route, [stall for stall in found if stall.line], observation)

    def _blaming(
        self, route: WindowReport, blamed: list[Stall], observation: CheckObservation
    ) -> WindowReport:
        """Add the culprit: the line that the samples of all stalls have in common."""
        package = self.criteria.package
        if not blamed:
            return route
        found, worst = shared(blamed, package)
        threads = [each for each in observation.threads if each.process == worst.process]
        found = passing(found, package)
        kind = cause(found, worst, package, threads)
        handler = None
        if self.folder and route.during and is_called_by_library(found, package):
            handler = handler_of(route.during.partition(" ")[2], self.folder, package)
        return replace(
            route,
            culprit=culprit_of(found, _samples(blamed), package, handler),
            advice=advice(kind),
        )


def _samples(blamed: list[Stall]) -> int:
    return sum(len(stall.samples) for stall in blamed)


def _known(stall: Stall, idle_stalls: list[Stall]) -> bool:
    """Whether the idle app stalls in the same function, and about as long."""
    return any(
        stall.frame
        and other.frame
        and function_of(stall.frame) == function_of(other.frame)
        and stall.length <= _SAME_STALL * other.length
        for other in idle_stalls
    )


def _without_cold(
    found: list[Stall], observation: CheckObservation
) -> tuple[list[Stall], list[Stall]]:
    """Return the warm stalls and the cold ones.

    Imports are cold, and so are all stalls that began in the first call, if a later call had the
    time to stall as long and did not. No stall is cold that a later call has as well.
    """
    cold = [stall for stall in found if stall.imports]
    warm = [stall for stall in found if not stall.imports]
    responses = [
        (call.sent, call.response.at)
        for call in observation.calls
        if call.response and not call.response.error
    ]
    first = min((at for _, at in responses), default=observation.ended)
    if any(stall.began >= first for stall in cold):
        return found, []
    later = min((at for sent, at in responses if sent >= first), default=observation.ended)
    watched = observation.ended - later
    if warm and all(stall.began < first for stall in warm) and _longest(warm) < watched:
        return [], found
    return warm, cold


def _silence(observation: CheckObservation, answered: Collection[SentRequest]) -> float:
    """Return the longest time in which a probe waited and no probe was answered."""
    moments = sorted(probe.response.at for probe in answered if probe.response)
    waits = (
        next((moment for moment in moments if moment >= probe.due), observation.ended) - probe.due
        for probe in observation.probes
    )
    return max(waits, default=0.0)


def _longest(found: Collection[Stall]) -> float:
    return max((stall.length for stall in found), default=0.0)
