"""The promises that a loop must keep in production, and the remedies that are held against them.

The two tables are walked by cases, report and documents. A case's number is its remedy's place
in the table: a new remedy goes to the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance.contract import (
    FEATURES,
    WINDOWS,
    State,
    Then,
    Window,
)
from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

AT_ONCE: Final = 64
"""Loops started together: more than AnyIO's 40 threads and than asyncio's 32 at the most."""
BESIDE: Final = 8
"""Loops that a probe is answered beside."""
LEAVE_LIMIT: Final = 1.0
"""Seconds in which a loop must end when its client has left, or has told it to stop."""
GIL_LIMIT: Final = 100
"""How many times as long as at rest a probe may wait. Measured were 1 to 9 on a quiet machine; the
slowest of a hundred probes is a matter of luck, so only the order of size above that is judged."""
EXIT_LIMIT: Final = 10.0
"""Seconds in which a server must be gone with all its processes: what Docker gives it before it
kills; Kubernetes gives 30."""


@dataclass(frozen=True)
class Promise:
    """One column of the comparison, and a family of cases."""

    name: str
    words: str
    judged: bool = True
    """Else it is only measured and recorded."""

    @property
    def family(self) -> str:
        """What the ids of its cases begin with."""
        return self.name.upper()


PROMISES: Final = (
    Promise("live", "other async routes answer while it runs"),
    Promise(
        "pool",
        f"with {AT_ONCE} of them started at once, synchronous routes still answer; what is over "
        "capacity gets 503 with `Retry-After` at once",
    ),
    Promise(
        "leaves",
        f"it ends within {LEAVE_LIMIT:.0f} s of its client leaving; a job that outlives its "
        "request, of being told to stop",
    ),
    Promise(
        "exits",
        f"with it running, the whole process group is gone within {EXIT_LIMIT:.0f} s of SIGTERM, "
        "and of Ctrl+C; the server was started as the README recommends",
    ),
    Promise(
        "gil",
        f"beside {BESIDE} of them, the p99 of a probe's wait is not more than {GIL_LIMIT} times "
        "that at rest; the ratio is recorded",
    ),
    Promise("speed", "its turns a second, as a part of the bare loop's", judged=False),
    Promise(
        "errors",
        "an exception in it is logged with its traceback; the app lives, and so do the "
        "connections of everybody else",
    ),
    Promise(
        "defaults",
        "as exits, with the server's default settings",
        judged=False,
    ),
)


@dataclass(frozen=True)
class Remedy:
    """One way to run the loop: a row of the comparison."""

    name: str
    does: str

    @property
    def path(self) -> str:
        """Where it is started; the contract's routes say by which method."""
        return f"/{self.name}"


REMEDIES: Final = (
    Remedy("background", "a plain `def` in the framework's background task"),
    Remedy("cooperative", "`await asyncio.sleep(0)` in every turn of an async route"),
    Remedy("normal", "a plain `def` route"),
    Remedy("offloaded", "awaited in a thread of a small pool of its own"),
    Remedy("supervised", "a cooperative job that the app's lifespan owns"),
    Remedy("streamed", "server-sent events to its client"),
    Remedy("process", "a job in a process of its own"),
    Remedy("paced", "a slice at a time, in turns with all others"),
)


def lacking(lacks: Iterable[str] = (), has: Iterable[str] = ()) -> frozenset[str]:
    """Return what a target lacks: features that it says it lacks, remedies unless it has them.

    Raises ``UsageError`` for a name that is unknown.
    """
    remedies = {remedy.name for remedy in REMEDIES}
    lacks, has = set(lacks), set(has)
    for names, known in ((lacks, FEATURES.keys()), (has, remedies)):
        if unknown := names - known:
            listed = ", ".join(sorted(known))
            raise UsageError(f"nothing is called {min(unknown)!r}; choose from: {listed}")
    return frozenset(lacks | (remedies - has))


def live(remedy: Remedy) -> Window:
    """One loop, and probes."""
    return Window(remedy.path, (remedy.path,), State.ALIVE)


SHOWN: Final = (*WINDOWS, *(live(row) for row in REMEDIES if live(row) not in WINDOWS))
"""The windows that a report shows one by one."""


def pool(remedy: Remedy) -> Window:
    """As many loops as no pool of threads has room for, and probes of the pool."""
    return Window(
        f"{remedy.path}, {AT_ONCE} at once",
        (remedy.path,) * AT_ONCE,
        State.ALIVE,
        paths=("/hello-sync",),
        at_once=True,
        none_may_wait=True,
        remedy=remedy.name,
    )


def leaves(remedy: Remedy) -> Window:
    """One loop whose client leaves, and probes for as long as it may take to end."""
    return Window(
        f"{remedy.path}, left",
        (remedy.path,),
        State.ALIVE,
        paths=("/hello",),
        probes=25,
        interval=LEAVE_LIMIT / 25,
        then=Then.LEAVE,
        remedy=remedy.name,
    )


QUIET: Final = Window("(nothing), a hundred probes", (), State.ALIVE, ("/hello",), 100, 0.008)
"""What `gil` is compared with."""


def gil(remedy: Remedy) -> Window:
    """Several loops, and a hundred probes."""
    return Window(
        f"{remedy.path}, {BESIDE} at once",
        (remedy.path,) * BESIDE,
        State.ALIVE,
        QUIET.paths,
        QUIET.probes,
        QUIET.interval,
        at_once=True,
        remedy=remedy.name,
    )


def errors(remedy: Remedy) -> Window:
    """One loop that raises an exception, and probes on the connection that was there before."""
    return Window(
        f"{remedy.path}, raising",
        (remedy.path,),
        State.ALIVE,
        paths=("/hello",),
        then=Then.FAIL,
        remedy=remedy.name,
    )


@dataclass(frozen=True)
class Shutdown:
    """One server from its start to its end by signals, a loop running: looked at by `exits`."""

    remedy: str = ""
    """Empty: the control, nothing runs."""
    recommended: bool = True
    """Started as the README recommends; else with the server's default settings."""

    @property
    def needs(self) -> frozenset[str]:
        """The remedy without which there is no such life."""
        return frozenset({self.remedy} if self.remedy else ())


@dataclass(frozen=True)
class ShutdownTimes:
    """What became of it: seconds from the signal until all processes were gone, None if never."""

    seconds: Mapping[str, float | None]
    """By signal."""
    left: Mapping[str, str]
    """What was still there after the limit, by signal."""
