"""What a loop must keep in production: each claim is held against each of the remedies."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance import contract, promises
from asgi_liveness.conformance.cases.case import family, show_state
from asgi_liveness.conformance.promises import (
    AT_ONCE,
    EXIT_LIMIT,
    GIL_LIMIT,
    LEAVE_LIMIT,
    QUIET,
    Shutdown,
    ShutdownTimes,
)

if TYPE_CHECKING:
    from asgi_liveness.conformance.observation import Observation
    from asgi_liveness.probing.response import Response


def pool(seen: Observation) -> str | None:
    """Starts 64 of them at once, then probes /hello-sync.

    Must see: each of the 64 either makes steps or was refused with 503 and `Retry-After`, and
    every probe is answered meanwhile.

    Why: a loop that takes a thread of the pool that synchronous routes need moves the freeze
    there, and a queue without an end only hides it.
    """
    for response in seen.refused:
        if response.status != HTTPStatus.SERVICE_UNAVAILABLE or not response.retry_after:
            return (
                "a request over capacity must be refused with 503 and Retry-After; the answer was "
                f"{response.status or response.error} "
                f"(Retry-After: {response.retry_after or 'none'})."
            )
    waiting = AT_ONCE - seen.started - len(seen.refused)
    if waiting > 0:
        return (
            f"of {AT_ONCE} started at once {seen.started} made steps and {len(seen.refused)} were "
            f"refused; {waiting} wait for their turn, and {seen.total_answered} of "
            f"{len(seen.probes)} probes of /hello-sync were answered."
        )
    return show_state(seen)


def leaves(seen: Observation) -> str | None:
    """Starts one; its client leaves, or stops the job by DELETE. Probes /hello for a second.

    Must see: the loop ended by the end of the second, and all probes answered. A job, which
    answered with its `Location`, tells its `steps` there; to stop it twice is no error.

    Why: a loop that nobody waits for takes its share of the app for ever, and they add up.
    """
    if (wrong := show_state(seen)) is not None:
        return wrong
    for asked, response in seen.told.items():
        if response.refused:
            return f"{asked} of its Location answered {response.status or response.error}."
    if "GET" in seen.told and not _tells_steps(seen.told["GET"]):
        return f"GET of its Location must tell its `steps`; it told {seen.told['GET'].body!r}."
    if all(loop.ended for loop in seen.loops):
        return None
    return (
        f"its loop went on when its client had left: {seen.steps:,} steps in {LEAVE_LIMIT:.0f} s "
        f"in which {seen.total_answered} of {len(seen.probes)} probes were answered."
    )


def _tells_steps(response: Response) -> bool:
    return isinstance(response.body, dict) and isinstance(response.body.get("steps"), int)


def ended_after(seen: Observation) -> dict[str, float | None]:
    """Seconds until the loop had ended."""
    return {"seconds": seen.ended_after}


def exits(control: ShutdownTimes, ended: ShutdownTimes) -> str | None:
    """Starts a server as the README recommends, and one loop; ends it by SIGTERM, then by Ctrl+C.

    Must see: no process of its group left 10 s after the signal, both times. SIGTERM goes to the
    server, Ctrl+C to the whole group, as from a terminal.

    Why: what does not go is killed: requests are cut, nothing is tidied up, and every deployment
    waits for it.
    """
    for name, seconds in control.seconds.items():
        if seconds is None:
            return f"with no loop at all the server did not end by {name}: {control.left[name]}."
    stayed = [name for name, seconds in ended.seconds.items() if seconds is None]
    if not stayed:
        return None
    return (
        f"{EXIT_LIMIT:.0f} s after {' and after '.join(stayed)} not all was gone: "
        f"{ended.left[stayed[0]]}."
    )


def defaults(ended: ShutdownTimes) -> str | None:
    """Starts the server with its default settings, and one loop; ends it as `exits` does.

    Must see: nothing in particular. It is measured and recorded.

    Why: it shows whether the setting that the README recommends is needed.
    """
    del ended
    return None


def gone_after(*shutdowns: ShutdownTimes) -> dict[str, float | None]:
    """Seconds until all was gone, by signal."""
    return dict(shutdowns[-1].seconds)


def gil(quiet: Observation, seen: Observation) -> str | None:
    """Sends a hundred probes of /hello at rest, and a hundred while eight of them run.

    Must see: loops that run, and the p99 of the waits not more than a hundred times that at rest.
    A probe that is not answered waited to the end of the window.

    Why: threads share one GIL. The app lives, but each of its turns must wait for theirs.
    """
    if not seen.kept_running:
        return show_state(seen)
    if seen.p99 <= GIL_LIMIT * quiet.p99:
        return None
    return (
        f"the p99 of a probe's wait is {seen.p99 * 1000:,.0f} ms beside {seen.started} loops and "
        f"{quiet.p99 * 1000:,.1f} ms at rest; it must not be more than {GIL_LIMIT} times as much."
    )


def waits_ratio(quiet: Observation, seen: Observation) -> dict[str, float | None]:
    """The p99 of a probe's wait as a multiple of that at rest; and how many of the eight ran."""
    return {"ratio": seen.p99 / quiet.p99, "loops": seen.started}


def speed(bare: Observation, seen: Observation) -> str | None:
    """Counts the steps of the window of its `live` case, and of the window of /blocking.

    Must see: a loop that ran in both. The quotient of their steps a second is recorded.

    Why: what yields, or sends, pays for it; what has a core to itself does not.
    """
    return None if bare.rate and seen.rate else "one of the loops made no step."


def rates_ratio(bare: Observation, seen: Observation) -> dict[str, float | None]:
    """Steps a second, as a part of the bare loop's."""
    return {"ratio": seen.rate / bare.rate if bare.rate else None}


def errors(seen: Observation) -> str | None:
    """Starts one, lets its next step raise an exception, and probes /hello on one connection.

    Must see: the loop ended, its traceback in the server's log, and every probe answered on the
    connection that was there before. Where the request that started it had been answered, its
    connection is alive as well.

    Why: an exception that is not logged is never found. And a proxy's connection carries other
    people's requests.
    """
    if (wrong := show_state(seen)) is not None:
        return wrong
    if not all(loop.ended for loop in seen.loops):
        return "its loop did not raise: does it go on after an exception?"
    if "Traceback (most recent call last)" not in seen.log or "LoopFailure" not in seen.log:
        return "the exception is not in the server's log with its traceback."
    others = {probe.response.connection for probe in seen.probes if probe.response}
    if others != {seen.told["before"].connection}:
        return "a connection that had nothing to do with it was closed."
    again = seen.told.get("again")
    own = {job.response.connection for job in seen.jobs if job.response}
    if again is not None and {again.connection} != own:
        return "the connection whose request had long been answered was closed."
    return None


_POOL_FIX = (
    "Is the loop at {place} run in a pool of its own, with a bound, and is what is beyond it "
    "refused? See `/offloaded`."
)
_LEAVES_FIX = "Does anybody tell the loop at {place} that its client has left?"
_EXITS_FIX = "Is the loop owned by the app's lifespan, and stopped with it? See `/supervised`."
_GIL_FIX = "Threads share the GIL: give the loop at {place} a process, as `/process` does."
_SPEED_FIX = "Does the loop at {place} run at all?"
_ERRORS_FIX = "Who awaits the loop at {place}, and logs what it raises? See `/supervised`."

POOL: Final = family("pool", lambda row: (promises.pool(row),), pool, fix=_POOL_FIX)
LEAVES: Final = family(
    "leaves", lambda row: (promises.leaves(row),), leaves, fix=_LEAVES_FIX, measure=ended_after
)
EXITS: Final = family(
    "exits", lambda row: (Shutdown(), Shutdown(row.name)), exits, fix=_EXITS_FIX, measure=gone_after
)
GIL: Final = family(
    "gil", lambda row: (QUIET, promises.gil(row)), gil, fix=_GIL_FIX, measure=waits_ratio
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
    measure=gone_after,
)
CASES: Final = (*POOL, *LEAVES, *EXITS, *GIL, *SPEED, *ERRORS, *DEFAULTS)
