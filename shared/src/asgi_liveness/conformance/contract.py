"""The contract: the routes that a target has, and the windows in which it is watched.

What varies stands here, in tables that cases, report, documents and tests walk.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

VERSION: Final = 3
FEATURES: Final = {"sync": "synchronous handlers (a plain `def`)"}
"""What a target may declare that it lacks."""


@dataclass(frozen=True)
class Route:
    """One route of the contract."""

    path: str
    handler: str
    does: str
    response: dict[str, str] | None = None
    """The JSON body, where the contract fixes it."""
    needs: frozenset[str] = frozenset()
    """The features and remedies without which a target does not have the route."""
    method: str = "GET"
    streams: bool = False
    """The body of its response has no end."""


SYNC: Final = frozenset({"sync"})
_ASYNC: Final = "`async def`"
_OFFLOADED: Final = frozenset({"offloaded"})
_SUPERVISED: Final = frozenset({"supervised"})
_STREAMED: Final = frozenset({"streamed"})
_PROCESS: Final = frozenset({"process"})
_PACED: Final = frozenset({"paced"})
_SEEN: Final = "answers with the job's `steps`; 404 for one that is not known"
_STOPPED: Final = "stops the job, whether it runs or not; 404 for one that is not known"
ROUTES: Final = (
    Route(
        "/hello",
        _ASYNC,
        "answers at once: what a liveness probe asks of the event loop",
        {"Hello": "World"},
    ),
    Route(
        "/hello-sync",
        "plain `def`",
        "answers the same: what a probe asks of the thread pool",
        {"Hello": "World"},
        SYNC,
    ),
    Route("/normal", "plain `def`", "runs the endless loop in a worker thread", needs=SYNC),
    Route("/blocking", _ASYNC, "runs the endless loop and never awaits: the defect"),
    Route(
        "/background",
        _ASYNC,
        "hands the loop, a plain `def`, to the framework's own background task and answers "
        "without waiting for it",
        {"message": "Background task started"},
    ),
    Route(
        "/background-async",
        _ASYNC,
        "the trap: the same with an `async def` loop that never awaits",
        {"message": "Background task started"},
    ),
    Route(
        "/cooperative",
        _ASYNC,
        "runs the loop with `await asyncio.sleep(0)` in every turn",
    ),
    Route(
        "/offloaded",
        _ASYNC,
        "awaits the loop in a thread of a small pool of its own; 503 with `Retry-After` beyond it",
        needs=_OFFLOADED,
    ),
    Route(
        "/supervised",
        _ASYNC,
        "starts the loop as a job that the app owns: 202 with its `Location`",
        needs=_SUPERVISED,
        method="POST",
    ),
    Route("/supervised", _ASYNC, "lists the jobs", needs=_SUPERVISED),
    Route("/supervised/{id}", _ASYNC, _SEEN, needs=_SUPERVISED),
    Route("/supervised/{id}", _ASYNC, _STOPPED, needs=_SUPERVISED, method="DELETE"),
    Route(
        "/streamed",
        _ASYNC,
        "sends the loop's results as server-sent events, for as long as the client is there",
        needs=_STREAMED,
        streams=True,
    ),
    Route(
        "/process",
        _ASYNC,
        "starts the loop in a process of its own, as a job: 202 with its `Location`, or 503 "
        "with `Retry-After`",
        needs=_PROCESS,
        method="POST",
    ),
    Route("/process", _ASYNC, "lists the jobs", needs=_PROCESS),
    Route("/process/{id}", _ASYNC, _SEEN, needs=_PROCESS),
    Route("/process/{id}", _ASYNC, _STOPPED, needs=_PROCESS, method="DELETE"),
    Route(
        "/paced",
        _ASYNC,
        "runs the loop a slice at a time, in turns with all others, for as long as the client is "
        "there",
        needs=_PACED,
    ),
)


def route(path: str) -> Route:
    """Return the first route at *path*: the one that starts a loop, where there are several.

    Raises ``KeyError`` where the contract has none.
    """
    for row in ROUTES:
        if row.path == path:
            return row
    raise KeyError(path)


def starts_by(path: str) -> str:
    """Return the method that starts a loop at *path*: GET where the contract has no such path."""
    return next((row.method for row in ROUTES if row.path == path), "GET")


def is_stream(path: str) -> bool:
    """Whether the body of the response has no end at *path*."""
    return any(row.streams for row in ROUTES if row.path == path)


class State(StrEnum):
    """What a window shows of an app."""

    ALIVE = "answering"
    FROZEN = "frozen"
    STARVED = "starved"
    MIXED = "mixed"
    NOT_RUNNING = "not running"


MOST_OUTSTANDING: Final = 50
"""Requests that a window may have under way if it may freeze: with 250 of them httpx's own pool
takes more than a second at the thaw, with 50 it takes 0.06 s (trial of the engine)."""


class Then(StrEnum):
    """What happens to the loops of a window between their first step and the probes."""

    NOTHING = "nothing"
    LEAVE = "their client leaves, or stops the job"
    FAIL = "each of them raises an exception"


@dataclass(frozen=True)
class Window:
    """Probes on schedule while jobs run."""

    title: str
    jobs: tuple[str, ...]
    """The paths that start the loops, in this order."""
    must_be: State
    paths: tuple[str, ...] = ("/hello", "/hello-sync")
    """What is probed, all of them at every tick."""
    probes: int = 10
    """Probes of each path."""
    interval: float = 0.02
    """Seconds from one probe of a path to the next."""
    one_connection: bool = False
    """Job and probes share a single connection."""
    at_once: bool = False
    """The jobs start together, and some may be refused; else each waits for the last one's step."""
    none_may_wait: bool = False
    """Each of them must make steps or be refused; where one waits, nothing more is waited for."""
    then: Then = Then.NOTHING
    remedy: str = ""
    """Whose promise is looked at, where it is a remedy's."""

    @property
    def needs(self) -> frozenset[str]:
        """The features and remedies without which there is no such window."""
        of_jobs = frozenset[str]().union(*(route(path).needs for path in self.jobs))
        of_paths = frozenset.intersection(*(route(path).needs for path in self.paths))
        return of_jobs | of_paths | ({self.remedy} if self.remedy else frozenset())


IDLE: Final = Window("(nothing)", (), State.ALIVE)
BLOCKING: Final = Window("/blocking", ("/blocking",), State.FROZEN)
BACKGROUND_ASYNC: Final = Window("/background-async", ("/background-async",), State.FROZEN)
BACKGROUND: Final = Window("/background", ("/background",), State.ALIVE)
COOPERATIVE: Final = Window("/cooperative", ("/cooperative",), State.ALIVE)
NORMAL: Final = Window("/normal", ("/normal",), State.ALIVE)
TOGETHER: Final = Window(
    "all three at once",
    ("/normal", "/background", "/cooperative"),
    State.ALIVE,
    probes=5,
    interval=0.05,
)
SAME_CONNECTION: Final = Window(
    "/background, same connection",
    ("/background",),
    State.ALIVE,
    paths=("/hello",),
    probes=1,
    one_connection=True,
)
WINDOWS: Final = (
    IDLE,
    BLOCKING,
    BACKGROUND_ASYNC,
    BACKGROUND,
    COOPERATIVE,
    NORMAL,
    TOGETHER,
    SAME_CONNECTION,
)


@dataclass(frozen=True)
class Exchange:
    """One request that starts no loop, for its answer's sake."""

    method: str
    path: str

    @property
    def needs(self) -> frozenset[str]:
        """The features without which there is no such exchange."""
        rows = [row for row in ROUTES if (row.method, row.path) == (self.method, self.path)]
        return rows[0].needs if rows else frozenset()
