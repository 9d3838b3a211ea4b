"""The reason for late or missing responses, where no sample shows a line that stalls."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.report import Verdict
from asgi_liveness.probing.response import lateness
from asgi_liveness.stalls import quote, stack
from asgi_liveness.stalls.advice import Kind, advice
from asgi_liveness.stalls.culprit import culprit_at, where
from asgi_liveness.stalls.pools import full_pools, works
from asgi_liveness.stalls.waiting import waiting

if TYPE_CHECKING:
    from asgi_liveness.checking.observation import CheckObservation
    from asgi_liveness.checking.report import WindowReport
    from asgi_liveness.serving.records import Frame
    from asgi_liveness.stalls.criteria import Criteria
    from asgi_liveness.stalls.pools import FullPool
    from asgi_liveness.stalls.waiting import Waiting

_LATE: Final = 0.5
"""Seconds that the prober itself may be late before a report mentions it."""
_STARVED: Final = 0.5
"""The part of a window for which probes must wait, for a full thread pool to be the reason."""
_THROTTLED: Final = 0.5
"""The part of a silence for which a limit must stop the app, to be the reason."""
_FEW: Final = 0.25
"""The part of the probes that must be answered where threads keep the GIL; below it the app is
starved."""


def late(
    route: WindowReport,
    observation: CheckObservation,
    criteria: Criteria,
    *,
    stalled: bool,
    loop_ran: bool = True,
) -> WindowReport:
    """Return *route* with a verdict on its responses.

    *stalled*: the event loop stalled, and no sample shows the line; *loop_ran*: it never stalled.
    """
    full = full_pools(observation.threads, observation.tasks, criteria.package)
    if full and _silent(route, observation):
        return _starved(route, full[0])
    recycled = observation.recycled and not stalled
    if recycled or not observation.heartbeats:
        judged = _recycled if recycled else partial(_unwatched, refused=observation.refused)
        return judged(route, criteria.max_stall)
    found = waiting(observation.tasks, criteria.package) if loop_ran and not stalled else None
    if not route.probes.answered and loop_ran and not stalled:
        return _waiting(route, found)
    # Another worker may have answered the probes of the stalled one.
    probes_prove_nothing = stalled and len(observation.heartbeats) > 1
    if route.longest_silence_s <= criteria.max_stall and not probes_prove_nothing:
        return route
    working = _working(observation, criteria.package)
    if found and not working and _probes_wait(found, route, observation):
        return (_waiting if _silent(route, observation) else _waited)(route, found)
    return _slow(route, observation, working, stalled=stalled, loop_ran=loop_ran)


def _silent(route: WindowReport, observation: CheckObservation) -> bool:
    """Whether probes waited for most of the window."""
    return route.longest_silence_s > _STARVED * (observation.ended - observation.began)


def _is_limited(route: WindowReport, observation: CheckObservation) -> bool:
    """Whether the limit of the container's processor stopped the app for most of the silence."""
    return observation.throttled > _THROTTLED * route.longest_silence_s


def _probes_wait(found: Waiting, route: WindowReport, observation: CheckObservation) -> bool:
    """Whether probes wait at the place that was *found*, and not only the calls themselves."""
    calls = sum(call.response is None for call in observation.calls)
    return found.tasks > calls and not _is_limited(route, observation)


def _slow(
    route: WindowReport,
    observation: CheckObservation,
    working: list[Frame],
    *,
    stalled: bool,
    loop_ran: bool,
) -> WindowReport:
    """Name the reason for a silence: a limit, busy threads, the machine, or the probed route."""
    if _is_limited(route, observation):
        return _throttled(route, observation, stalled=stalled)
    slow = f"slow: no probe was answered for {route.longest_silence_s * 1000:.0f} ms"
    if stalled and len(observation.heartbeats) > 1:
        slow = "the event loop of a worker was silent for too long"
    if working:
        most = where(Counter(working).most_common(1)[0][0])
        share = "thread of the app shares" if len(working) == 1 else "threads of the app share"
        because = f"{slow}; {len(working)} {share} the GIL with the event loop, mostly at {most}"
        few = route.probes.answered < _FEW * route.probes.due
        verdict = Verdict.STARVED if few else Verdict.LIVE
        return replace(route, verdict=verdict, because=because, advice=advice(Kind.THREADS))
    if stalled:
        because = f"{slow}, and no sample shows code of the app on the event loop"
        return replace(
            route, verdict=Verdict.INCONCLUSIVE, because=because, advice=advice(Kind.MACHINE)
        )
    if not loop_ran:
        return replace(route, because=f"{slow}, because of a stall named elsewhere in this report")
    late_by = lateness(observation.probes)
    own = f" (the check itself was {late_by * 1000:.0f} ms late)" if late_by > _LATE else ""
    because = f"{slow} though the event loop ran: the machine{own} or the probed route was slow"
    return replace(route, because=because)


def _throttled(
    route: WindowReport, observation: CheckObservation, *, stalled: bool
) -> WindowReport:
    """Name the limit of the container's processor as the reason."""
    because = (
        f"slow: no probe was answered for {route.longest_silence_s * 1000:.0f} ms; the limit of "
        f"the container's processor stopped the app for {observation.throttled * 1000:.0f} ms"
    )
    verdict = Verdict.INCONCLUSIVE if stalled else Verdict.LIVE
    return replace(route, verdict=verdict, because=because, advice=advice(Kind.THROTTLED))


def _working(observation: CheckObservation, package: str) -> list[Frame]:
    """Return where threads work for the app; the event loop's is none of them."""
    stacks = [thread.stack for thread in observation.threads if not thread.is_loop]
    return [
        each[blamed[-1]]
        for each in stacks
        if works(each) and (blamed := stack.blamed(each, package))
    ]


def _starved(route: WindowReport, full: FullPool) -> WindowReport:
    """Name the full thread pool, and the line where most of its threads are."""
    frame, count = Counter(full.frames).most_common(1)[0]
    return replace(
        route,
        verdict=Verdict.STARVED,
        because=(
            f"thread pool full ({full.name}), {count} of {full.threads} threads at {where(frame)}"
        ),
        culprit=culprit_at(frame, None, count, full.threads),
        advice=advice(Kind.POOL if full.is_shared else Kind.OWN_POOL),
    )


def _waiting(route: WindowReport, found: Waiting | None) -> WindowReport:
    """Name what the probe's task awaits: the event loop is idle, and no pool is full."""
    route = replace(route, verdict=Verdict.STARVED)
    if found is None:
        because = "the probed route waits, and neither for the event loop nor for a full pool"
        return replace(route, because=because)
    because = f"the event loop is idle, and the probes wait at {_place(found)}"
    culprit = culprit_at(found.holder or found.frame, None, 0, 0)
    return replace(route, because=because, culprit=culprit, advice=advice(Kind.WAITS))


def _waited(route: WindowReport, found: Waiting) -> WindowReport:
    """Name what the probe's task awaited for a part of the window."""
    because = (
        f"slow: no probe was answered for {route.longest_silence_s * 1000:.0f} ms though the event "
        f"loop ran: the probes waited at {_place(found)}"
    )
    return replace(route, because=because, advice=advice(Kind.WAITS))


def _place(found: Waiting) -> str:
    """Return where the probes wait, and where what they wait for may be held."""
    place = quote.frame(found.frame)
    if found.below != found.frame:
        place += f", in {found.below.function}() of {quote.module(found.below)}"
    return f"{place}; another task is at {quote.frame(found.holder)}" if found.holder else place


def _recycled(route: WindowReport, max_stall: float) -> WindowReport:
    """Say that workers which end and start answer nothing: no event loop stalled."""
    if not route.probes.answered:
        because = "no probe was answered: workers ended, and no other served yet"
        return replace(route, verdict=Verdict.INCONCLUSIVE, because=because)
    if route.longest_silence_s <= max_stall:
        return route
    because = (
        f"slow: no probe was answered for {route.longest_silence_s * 1000:.0f} ms, while "
        f"workers ended and others started"
    )
    return replace(route, because=because)


def _unwatched(route: WindowReport, max_stall: float, refused: str) -> WindowReport:
    """Judge by responses alone: no sample shows the event loop, for the reason *refused*."""
    if not route.probes.answered:
        why = refused or "a check from outside cannot see the line"
        return replace(route, verdict=Verdict.STALLED, because=f"no probe was answered; {why}")
    if route.longest_silence_s <= max_stall:
        because = "judged by its responses alone: nothing watched its event loop"
        return replace(route, because=because)
    why = refused or "a check from outside cannot see why"
    because = (
        f"no probe was answered for {route.longest_silence_s * 1000:.0f} ms; {why}: give it the "
        f"app, or the command that serves the app"
    )
    return replace(route, verdict=Verdict.INCONCLUSIVE, because=because)
