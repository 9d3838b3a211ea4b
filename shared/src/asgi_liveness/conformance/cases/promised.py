"""The claims of the promises, each of which is tested against each remedy."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance import contract, promises
from asgi_liveness.conformance.cases.case import family, show_state
from asgi_liveness.conformance.cases.jobs import has_address
from asgi_liveness.conformance.endings import Shutdown, ShutdownTimes
from asgi_liveness.conformance.promises import (
    AT_ONCE,
    DISCONNECT_LIMIT,
    EXIT_LIMIT,
    GIL_CONTROL,
    GIL_LIMIT,
)

if TYPE_CHECKING:
    from asgi_liveness.conformance.observation import Observation


def pool(observation: Observation) -> str | None:
    """Starts 64 loops at once, then probes /hello-sync.

    Must see: each of the 64 loops makes steps, or its request gets 503 with `Retry-After`; every
    probe is answered meanwhile.

    Why: a loop in a thread of the pool that synchronous routes need moves the freeze to those
    routes, and a queue without a limit only hides it.
    """
    for response in observation.refused:
        if response.status != HTTPStatus.SERVICE_UNAVAILABLE or not response.retry_after:
            return (
                "a request over the capacity must get 503 with Retry-After, but it got "
                f"{response.status or response.error} "
                f"(Retry-After: {response.retry_after or 'none'})."
            )
    waiting = AT_ONCE - observation.started - len(observation.refused)
    if waiting > 0:
        return (
            f"of {AT_ONCE} requests sent at once, {observation.started} started a loop, "
            f"{len(observation.refused)} were refused and {waiting} hang; "
            f"{observation.total_answered} of {len(observation.probes)} probes of /hello-sync were "
            "answered."
        )
    return show_state(observation)


def leaves(observation: Observation) -> str | None:
    """Starts one loop; its client disconnects, or stops the job by DELETE. Then probes /hello.

    Must see: the loop ended within a second, and all probes answered.

    Why: a loop without a client uses a share of the app for ever, and such loops add up.
    """
    if (failure := show_state(observation)) is not None:
        return failure
    path = observation.window.load[0]
    is_job = contract.starts_by(path) == "POST"
    if is_job and (failure := has_address(observation)) is not None:
        return failure
    if all(loop.ended for loop in observation.loops):
        return None
    event = "its client disconnected"
    if is_job:
        stopped = observation.followups["DELETE"]
        event = f"DELETE of its `Location`, which answered {stopped.status or stopped.error}"
    return (
        f"its loop kept running after {event}: {observation.steps:,} steps within "
        f"{DISCONNECT_LIMIT:.0f} s; meanwhile {observation.total_answered} of "
        f"{len(observation.probes)} probes were answered."
    )


def ended_after(observation: Observation) -> dict[str, float | None]:
    """Return the seconds until the loop had ended."""
    return {"seconds": observation.ended_after}


def exits(control: ShutdownTimes, times: ShutdownTimes) -> str | None:
    """Starts a server with its recommended settings, and one loop; sends SIGTERM, or Ctrl+C.

    Must see: for each of the two, no process of the server left 10 s later. SIGTERM goes to the
    server, Ctrl+C to its whole process group, as from a terminal.

    Why: a server that does not exit is killed. That cuts off requests, skips all cleanup, and
    delays every deployment.
    """
    for name, seconds in control.seconds.items():
        if seconds is None:
            return (
                f"even without a loop the server did not exit after {name}: {control.left[name]}."
            )
    stayed = [name for name, seconds in times.seconds.items() if seconds is None]
    if not stayed:
        return None
    return (
        f"{EXIT_LIMIT:.0f} s after {' and after '.join(stayed)} the server still ran: "
        f"{times.left[stayed[0]]}."
    )


def defaults(times: ShutdownTimes) -> str | None:
    """Starts the server with its default settings, and one loop; ends it as `exits` does.

    Must see: nothing in particular. The case measures the times and records them.

    Why: it shows whether the recommended settings are needed, such as uvicorn's
    `--timeout-graceful-shutdown`.
    """
    del times
    return None


def exited_after(*shutdowns: ShutdownTimes) -> dict[str, float | None]:
    """Return the seconds until all processes had exited, by signal."""
    return dict(shutdowns[-1].seconds)


def gil(idle: Observation, observation: Observation) -> str | None:
    """Sends a hundred probes of /hello to the idle app, and a hundred while eight loops run.

    Must see: loops that run, and a p99 of the waits of at most a hundred times the idle app's.
    The wait of an unanswered probe ends with the window.

    Why: threads share one GIL. The app lives, but it has to wait for the GIL again and again.
    """
    if not observation.kept_running:
        return show_state(observation)
    if observation.p99 <= GIL_LIMIT * idle.p99:
        return None
    return (
        f"the p99 of a probe's wait is {observation.p99 * 1000:,.0f} ms while "
        f"{observation.started} loops run, and {idle.p99 * 1000:,.1f} ms without them; it must be "
        f"at most {GIL_LIMIT} times as long."
    )


def waits_ratio(idle: Observation, observation: Observation) -> dict[str, float | None]:
    """Return the p99 of a probe's wait as a multiple of the idle app's, and the running loops."""
    return {"ratio": observation.p99 / idle.p99, "loops": observation.started}


def speed(bare: Observation, observation: Observation) -> str | None:
    """Counts the loop's steps in the window of its `live` case, and in the window of /blocking.

    Must see: a loop that ran in both windows. The case records the ratio of their speeds.

    Why: a loop that yields or sends pays with speed; a loop with a core of its own does not.
    """
    return None if bare.rate and observation.rate else "one of the loops made no step."


def rates_ratio(bare: Observation, observation: Observation) -> dict[str, float | None]:
    """Return the steps per second, divided by those of the bare loop (/blocking)."""
    return {"ratio": observation.rate / bare.rate if bare.rate else None}


def errors(observation: Observation) -> str | None:
    """Starts one loop, makes its next step raise, and probes /hello on an older connection.

    Must see: the loop ended, its traceback in the server's log, and every probe answered on the
    older connection. If the request that started the loop had its response, its connection is
    still open, too.

    Why: an exception without a log entry is never found, and a proxy's connection carries the
    requests of many clients.
    """
    if (failure := show_state(observation)) is not None:
        return failure
    if not all(loop.ended for loop in observation.loops):
        return "its loop kept running after an exception: does it catch all exceptions?"
    if (
        "Traceback (most recent call last)" not in observation.log
        or "LoopFailure" not in observation.log
    ):
        return "the server's log has no traceback of the exception."
    others = {probe.response.connection for probe in observation.probes if probe.response}
    if others != {observation.followups["before"].connection}:
        return "the exception closed the connection of another client."
    again = observation.followups.get("again")
    own = {request.response.connection for request in observation.load if request.response}
    if again is not None and {again.connection} != own:
        return "the exception closed the connection of a request that had its response already."
    return None


_POOL_FIX = (
    "Give the loop at {place} a pool of its own with a limit, and refuse requests over the limit. "
    "See `/offloaded`."
)
_LEAVES_FIX = (
    "End the loop at {place} when its client disconnects. See `/offloaded` and `/supervised`."
)
_EXITS_FIX = "Let the app's lifespan own the loop and stop it at its end. See `/supervised`."
_GIL_FIX = (
    "Threads share the GIL: run the loop at {place} in a process of its own, as `/process` does."
)
_SPEED_FIX = "Check that the loop at {place} runs at all."
_ERRORS_FIX = "Await the loop at {place}, and log its exceptions. See `/supervised`."

POOL: Final = family("pool", lambda row: (promises.pool(row),), pool, fix=_POOL_FIX)
LEAVES: Final = family(
    "leaves", lambda row: (promises.leaves(row),), leaves, fix=_LEAVES_FIX, measure=ended_after
)
EXITS: Final = family(
    "exits",
    lambda row: (Shutdown(), Shutdown(row.name)),
    exits,
    fix=_EXITS_FIX,
    measure=exited_after,
)
GIL: Final = family(
    "gil", lambda row: (GIL_CONTROL, promises.gil(row)), gil, fix=_GIL_FIX, measure=waits_ratio
)
SPEED: Final = family(
    "speed",
    lambda row: (contract.BLOCKING, promises.live(row)),
    speed,
    fix=_SPEED_FIX,
    measure=rates_ratio,
)
ERRORS: Final = family("errors", lambda row: (promises.errors(row),), errors, fix=_ERRORS_FIX)
DEFAULTS: Final = family(
    "defaults",
    lambda row: (Shutdown(row.name, recommended=False),),
    defaults,
    fix=_EXITS_FIX,
    measure=exited_after,
)
CASES: Final = (*POOL, *LEAVES, *EXITS, *GIL, *SPEED, *ERRORS, *DEFAULTS)
