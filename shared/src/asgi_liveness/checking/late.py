"""Why answers were late, or did not come, where no line is seen to stall the event loop."""

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
    from asgi_liveness.serving.board import Frame, ThreadStack
    from asgi_liveness.stalls.criteria import Criteria

_LATE: Final = 0.5
"""Seconds by which the prober itself may be late before that is said."""
_STARVED: Final = 0.5
"""The part of a window for which a full pool must keep a probe from its answer."""
_FEW: Final = 0.25
"""The part of the probes of which more must be answered where threads keep the GIL."""


def late(
    seen: WindowReport,
    observation: CheckObservation,
    criteria: Criteria,
    *,
    stalled: bool,
    turned: bool = True,
) -> WindowReport:
    """Return the route with a verdict on its answers.

    *stalled*: the event loop did not turn, and nobody was seen; *turned*: it turned all the time.
    """
    if not observation.heartbeats:
        return _unwatched(seen, criteria.max_stall)
    working = _working(observation.threads, criteria.package)
    pool = [thread for thread in observation.threads if stack.is_pooled(thread.stack)]
    pooled = [frame for thread, frame in working if thread in pool]
    waited = _STARVED * (observation.ended - observation.began)
    if pool and len(pooled) == len(pool) and seen.longest_silence_s > waited:
        return _starved(seen, pooled)
    if not seen.probes.answered and turned and not stalled:
        because = "what is probed waits, and neither for the event loop nor for a full pool"
        return replace(seen, verdict=Verdict.STARVED, because=_otherwise(observation) or because)
    another_answers = stalled and len(observation.heartbeats) > 1  # the probes do not tell, then
    if seen.longest_silence_s <= criteria.max_stall and not another_answers:
        return seen
    busy = [frame for thread, frame in working if not stack.waits(thread.stack)]
    return _slow(seen, observation, busy, stalled=stalled, turned=turned)


def _slow(
    seen: WindowReport,
    observation: CheckObservation,
    working: list[Frame],
    *,
    stalled: bool,
    turned: bool,
) -> WindowReport:
    slow = f"slow: nothing was answered for {seen.longest_silence_s * 1000:.0f} ms"
    if stalled and len(observation.heartbeats) > 1:
        slow = "a worker was silent for too long"
    if working:
        most = where(Counter(working).most_common(1)[0][0])
        threads = (
            "1 thread of the app shares"
            if len(working) == 1
            else (f"{len(working)} threads of the app share")
        )
        because = f"{slow}; {threads} the GIL with it, most at {most}"
        few = seen.probes.answered < _FEW * seen.probes.due
        verdict = Verdict.STARVED if few else Verdict.LIVE
        return replace(seen, verdict=verdict, because=because, advice=advice("threads"))
    if stalled:
        because = f"{slow}, and no code of the app was seen on the event loop"
        return replace(
            seen, verdict=Verdict.INCONCLUSIVE, because=because, advice=advice("machine")
        )
    own_lateness = lateness(observation.probes)
    own = f", which sent {own_lateness * 1000:.0f} ms late," * (own_lateness > _LATE)
    if not turned:
        return replace(seen, because=f"{slow}, by what is told of it elsewhere")
    because = f"{slow} though the event loop turned: the machine{own} or the probe's own work"
    return replace(seen, because=because)


def _otherwise(observation: CheckObservation) -> str:
    """Say that the probes had answers, but none like that at rest; "" if they had none."""
    statuses = Counter(probe.response.status for probe in observation.probes if probe.response)
    if not statuses:
        return ""
    status, times = statuses.most_common(1)[0]
    return (
        f"{times} of {len(observation.probes)} probes were answered with {status}, not as at rest"
    )


def _working(threads: tuple[ThreadStack, ...], package: str) -> list[tuple[ThreadStack, Frame]]:
    """Return the threads beside the event loop's that work for the app, and where."""
    found = [
        (thread, stack.busy(thread.stack, package)) for thread in threads if not thread.is_loop
    ]
    return [(thread, at[0]) for thread, at in found if at]


def _starved(seen: WindowReport, pooled: list[Frame]) -> WindowReport:
    frame, count = Counter(pooled).most_common(1)[0]
    return replace(
        seen,
        verdict=Verdict.STARVED,
        because=f"thread pool full, {count} of {len(pooled)} threads at {where(frame)}",
        culprit=culprit_at(frame, None, count, len(pooled)),
        advice=advice("pool"),
    )


def _unwatched(seen: WindowReport, max_stall: float) -> WindowReport:
    """Judge by answers alone: nobody sees the event loop."""
    if not seen.probes.answered:
        because = "nothing was answered; which line it is can't be seen from outside"
        return replace(seen, verdict=Verdict.STALLED, because=because)
    if seen.longest_silence_s <= max_stall:
        return replace(seen, because="judged by its answers alone: nobody saw its event loop")
    because = (
        f"nothing was answered for {seen.longest_silence_s * 1000:.0f} ms; why can't be seen from "
        f"outside: give the app, or the command that serves it"
    )
    return replace(seen, verdict=Verdict.INCONCLUSIVE, because=because)
