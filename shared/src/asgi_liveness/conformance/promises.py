"""The promises that a loop in production must keep, and the remedies that are tested against them.

The rule: a case's number is its remedy's position in the table, so a new remedy goes to the end.
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
    from collections.abc import Iterable

AT_ONCE: Final = 64
"""Loops that `pool` starts together: more than AnyIO's 40 threads and asyncio's maximum of 32."""
LOOPS_TOGETHER: Final = 8
"""Loops that run while `gil` measures the probes' waits."""
DISCONNECT_LIMIT: Final = 1.0
"""Seconds within which a loop must end after its client disconnects, or stops the job."""
GIL_LIMIT: Final = 100
"""The limit of a probe's p99 wait, as a multiple of the idle app's. An otherwise idle machine
showed 1 to 9. The slowest of a hundred probes varies much, so the limit is ten times higher."""
EXIT_LIMIT: Final = 10.0
"""Seconds within which all processes of a server must exit after a signal. Docker kills them after
10 s, Kubernetes after 30 s."""
LOST_LIMIT: Final = 15.0
"""Seconds within which a job whose worker was killed must be called lost, and one that was put back
must run again."""


@dataclass(frozen=True)
class Promise:
    """One column of the comparison, and a family of cases."""

    name: str
    words: str
    judged: bool = True
    """Whether the suite judges it. Otherwise it only measures and records it."""
    compares_times: bool = False
    """Whether its figure is a ratio of times, so that nothing else may run meanwhile."""
    only: str = ""
    """The one remedy that can keep it, and is tested; "" if all can."""
    nature: str = ""
    """Why no other can."""

    @property
    def text(self) -> str:
        """The claim, and why only one remedy can keep it."""
        return f"{self.words}; only `{self.only}` can: {self.nature}" if self.only else self.words

    @property
    def family(self) -> str:
        """The first part of its cases' ids."""
        return self.name.upper()


PROMISES: Final = (
    Promise("live", "while the loop runs, other async routes still respond"),
    Promise(
        "pool",
        f"with {AT_ONCE} loops started at once, synchronous routes still respond; a request over "
        "the capacity gets 503 with `Retry-After` at once",
    ),
    Promise(
        "leaves",
        f"the loop ends within {DISCONNECT_LIMIT:.0f} s after its client disconnects; a job, "
        "which outlives its request, ends as quickly after a client stops it",
    ),
    Promise(
        "exits",
        "while the loop runs, SIGTERM or Ctrl+C ends all processes of the server within "
        f"{EXIT_LIMIT:.0f} s, if it runs with its recommended settings",
    ),
    Promise(
        "gil",
        f"while {LOOPS_TOGETHER} loops run, the p99 of a probe's wait is at most {GIL_LIMIT} times "
        "that of the idle app; the suite records the ratio",
        compares_times=True,
    ),
    Promise(
        "speed",
        "the loop's iterations per second, as a share of the loop's in `/blocking`",
        judged=False,
        compares_times=True,
    ),
    Promise(
        "errors",
        "an exception in the loop is logged with its traceback; the app keeps running, and the "
        "connections of other clients stay open",
    ),
    Promise(
        "defaults",
        "the same as `exits`, but with the server's default settings",
        judged=False,
    ),
    Promise(
        "outlives",
        "the loop goes on while its server is ended and a new one started, which lists it and "
        "stops it by the same id",
        only="queued",
        nature="every other loop runs in the server, or in a process that ends with it",
    ),
    Promise(
        "lost",
        f"within {LOST_LIMIT:.0f} s after its worker was killed a job is called lost; a worker "
        "that gets SIGTERM puts its job back, and another takes it up, never two at once",
        only="queued",
        nature="what knows of every other loop ends with the server",
    ),
)


@dataclass(frozen=True)
class Remedy:
    """One way to run the loop: a row of the comparison."""

    name: str
    does: str
    processes: bool = False
    """Whether its loops run in processes of their own, so that many of them use all cores."""

    @property
    def path(self) -> str:
        """The path that starts the loop; the contract's routes have the method."""
        return f"/{self.name}"


REMEDIES: Final = (
    Remedy("background", "a plain `def` in the framework's background task"),
    Remedy("cooperative", "`await asyncio.sleep(0)` in every iteration, in an async route"),
    Remedy("normal", "a plain `def` route"),
    Remedy("offloaded", "a thread of a small pool of its own, which an async route awaits"),
    Remedy("supervised", "a cooperative job that the app's lifespan owns"),
    Remedy("streamed", "an async generator that sends each result as a server-sent event"),
    Remedy("process", "a job in a process of its own", processes=True),
    Remedy("paced", "short slices in an async route, which yields to the event loop after each"),
    Remedy(
        "queued",
        "a job in a task queue, which a worker runs, another process than the server",
        processes=True,
    ),
)


NEEDS_WORKER: Final = "queued"
"""The remedy whose loops run in a worker, which the suite has to start."""


def lacking(lacks: Iterable[str] = (), has: Iterable[str] = ()) -> frozenset[str]:
    """Return the names that a target lacks: *lacks*, and all remedies that are not in *has*.

    Raises ``UsageError`` for an unknown name.
    """
    remedies = {remedy.name for remedy in REMEDIES}
    lacks, has = set(lacks), set(has)
    for names, known in ((lacks, FEATURES.keys()), (has, remedies)):
        if unknown := names - known:
            listed = ", ".join(sorted(known))
            raise UsageError(f"nothing is called {min(unknown)!r}; choose from: {listed}")
    return frozenset(lacks | (remedies - has))


def live(remedy: Remedy) -> Window:
    """Return the window of one loop."""
    return Window(remedy.path, (remedy.path,), State.ALIVE)


SHOWN: Final = (*WINDOWS, *(live(row) for row in REMEDIES if live(row) not in WINDOWS))
"""The windows that have a row of their own in a report."""


def pool(remedy: Remedy) -> Window:
    """Return the window of more loops than a thread pool has threads, with probes of the pool."""
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
    """Return the window of one loop whose client disconnects, with probes until the limit."""
    return Window(
        f"{remedy.path}, disconnected",
        (remedy.path,),
        State.ALIVE,
        paths=("/hello",),
        probes=25,
        interval=DISCONNECT_LIMIT / 25,
        then=Then.DISCONNECT,
        remedy=remedy.name,
    )


GIL_CONTROL: Final = Window("(nothing), a hundred probes", (), State.ALIVE, ("/hello",), 100, 0.004)
"""The idle window that `gil` compares with."""


def gil(remedy: Remedy) -> Window:
    """Return the window of several loops, with a hundred probes."""
    return Window(
        f"{remedy.path}, {LOOPS_TOGETHER} at once",
        (remedy.path,) * LOOPS_TOGETHER,
        State.ALIVE,
        GIL_CONTROL.paths,
        GIL_CONTROL.probes,
        GIL_CONTROL.interval,
        at_once=True,
        remedy=remedy.name,
    )


def errors(remedy: Remedy) -> Window:
    """Return the window of one loop that raises, with probes on a connection opened before."""
    return Window(
        f"{remedy.path}, raising",
        (remedy.path,),
        State.ALIVE,
        paths=("/hello",),
        then=Then.FAIL,
        remedy=remedy.name,
    )
