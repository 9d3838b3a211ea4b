"""The reason for late or missing responses, where no sample shows a line that stalls."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.report import Verdict
from asgi_liveness.probing.response import lateness
from asgi_liveness.stalls import stack
from asgi_liveness.stalls.advice import advice
from asgi_liveness.stalls.culprit import culprit_at, where

if TYPE_CHECKING:
    from asgi_liveness.checking.report import WindowReport
    from asgi_liveness.checking.watch import CheckObservation
    from asgi_liveness.serving.records import Frame, ThreadStack
    from asgi_liveness.stalls.criteria import Criteria

_LATE: Final = 0.5
"""Seconds that the prober itself may be late before a report mentions it."""
_STARVED: Final = 0.5
"""The part of a window for which probes must wait, for a full thread pool to be the reason."""
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
    if not observation.heartbeats:
        return _unwatched(route, criteria.max_stall)
    working = _working(observation.threads, criteria.package)
    pool = [thread for thread in observation.threads if stack.is_pooled(thread.stack)]
    pooled = [frame for thread, frame in working if thread in pool]
    waited = _STARVED * (observation.ended - observation.began)
    if pool and len(pooled) == len(pool) and route.longest_silence_s > waited:
        return _starved(route, pooled)
    if not route.probes.answered and loop_ran and not stalled:
        because = "the probed route waits, and neither for the event loop nor for a full pool"
        because = _other_status(observation) or because
        return replace(route, verdict=Verdict.STARVED, because=because)
    # Another worker may have answered the probes of the stalled one.
    probes_prove_nothing = stalled and len(observation.heartbeats) > 1
    if route.longest_silence_s <= criteria.max_stall and not probes_prove_nothing:
        return route
    busy = [frame for thread, frame in working if not stack.waits(thread.stack)]
    return _slow(route, observation, busy, stalled=stalled, loop_ran=loop_ran)


def _slow(
    route: WindowReport,
    observation: CheckObservation,
    working: list[Frame],
    *,
    stalled: bool,
    loop_ran: bool,
) -> WindowReport:
    """Name the reason for a silence: busy threads, the machine, or the probed route itself."""
    slow = f"slow: no probe was answered for {route.longest_silence_s * 1000:.0f} ms"
    if stalled and len(observation.heartbeats) > 1:
        slow = "the event loop of a worker was silent for too long"
    if working:
        most = where(Counter(working).most_common(1)[0][0])
        share = "thread of the app shares" if len(working) == 1 else "threads of the app share"
        because = f"{slow}; {len(working)} {share} the GIL with the event loop, mostly at {most}"
        few = route.probes.answered < _FEW * route.probes.due
        verdict = Verdict.STARVED if few else Verdict.LIVE
        return replace(route, verdict=verdict, because=because, advice=advice("threads"))
    if stalled:
        because = f"{slow}, and no sample shows code of the app on the event loop"
        return replace(
            route, verdict=Verdict.INCONCLUSIVE, because=because, advice=advice("machine")
        )
    if not loop_ran:
        return replace(route, because=f"{slow}, because of a stall named elsewhere in this report")
    late_by = lateness(observation.probes)
    own = f" (the check itself was {late_by * 1000:.0f} ms late)" if late_by > _LATE else ""
    because = f"{slow} though the event loop ran: the machine{own} or the probed route was slow"
    return replace(route, because=because)


def _other_status(observation: CheckObservation) -> str:
    """Say which other status than the idle app's the probes got; "" without a response."""
    statuses = Counter(probe.response.status for probe in observation.probes if probe.response)
    if not statuses:
        return ""
    status, times = statuses.most_common(1)[0]
    return (
        f"{times} of {len(observation.probes)} probes were answered with {status}, unlike in the "
        f"idle app"
    )


def _working(threads: tuple[ThreadStack, ...], package: str) -> list[tuple[ThreadStack, Frame]]:
    """Return the threads that work for the app, and where; without the event loop's own thread."""
    found = [
        (thread, stack.busy(thread.stack, package)) for thread in threads if not thread.is_loop
    ]
    return [(thread, frames[0]) for thread, frames in found if frames]


def _starved(route: WindowReport, pooled: list[Frame]) -> WindowReport:
    """Name the full thread pool, and the line where most of its threads are."""
    frame, count = Counter(pooled).most_common(1)[0]
    return replace(
        route,
        verdict=Verdict.STARVED,
        because=f"thread pool full, {count} of {len(pooled)} threads at {where(frame)}",
        culprit=culprit_at(frame, None, count, len(pooled)),
        advice=advice("pool"),
    )


def _unwatched(route: WindowReport, max_stall: float) -> WindowReport:
    """Judge by responses alone: nothing watched the event loop."""
    if not route.probes.answered:
        because = "no probe was answered; a check from outside cannot see the line"
        return replace(route, verdict=Verdict.STALLED, because=because)
    if route.longest_silence_s <= max_stall:
        because = "judged by its responses alone: nothing watched its event loop"
        return replace(route, because=because)
    because = (
        f"no probe was answered for {route.longest_silence_s * 1000:.0f} ms; a check from outside "
        f"cannot see why: give it the app, or the command that serves the app"
    )
    return replace(route, verdict=Verdict.INCONCLUSIVE, because=because)
