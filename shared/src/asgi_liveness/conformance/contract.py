"""The contract: the routes that a target has, and the windows in which the suite probes it.

The rule: these tables are the only place that lists routes and windows. Cases, reports, documents
and tests read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

VERSION: Final = 5
FEATURES: Final = {"sync": "synchronous handlers (a plain `def`)"}
"""Features that a target may lack, with their descriptions."""


@dataclass(frozen=True)
class Route:
    """One route of the contract."""

    path: str
    handler: str
    does: str
    response: dict[str, str] | None = None
    """The JSON body, where the contract fixes it. Its status is 200."""
    needs: frozenset[str] = frozenset()
    """The features and remedies that a target needs to have this route."""
    method: str = "GET"
    streams: bool = False
    """Whether the response body is endless."""
    responds: str = ""
    """The status and the shape of the response, where the contract fixes these."""


SYNC: Final = frozenset({"sync"})
_ASYNC: Final = "`async def`"
UNKNOWN_ID: Final = "no-such-job"
"""An id that no job has."""
_JOB_STARTED: Final = (
    "202; an object; `Location` is the job's address: a path, or an address of the same origin"
)
_JOBS: Final = "200; an object that has each job's id, the end of its `Location`, as a key"
_JOB: Final = "200; an object with the integer `steps`; 404 for an unknown job"


def _job_routes(path: str, starts: str, state: str = "") -> tuple[Route, ...]:
    """Return the routes that start, list, show and stop jobs."""
    stops = "stops the job if it still runs, and waits for its end; may be repeated"
    rows = (
        ("POST", path, starts, _JOB_STARTED),
        ("GET", path, "lists the jobs", _JOBS),
        ("GET", f"{path}/{{id}}", f"tells the job's steps so far{state}", _JOB),
        ("DELETE", f"{path}/{{id}}", stops, _JOB),
    )
    needs = frozenset({path.strip("/")})
    return tuple(
        Route(at, _ASYNC, does, needs=needs, method=method, responds=responds)
        for method, at, does, responds in rows
    )


ROUTES: Final = (
    Route(
        "/hello",
        _ASYNC,
        "responds at once; it needs only the event loop, as a liveness probe does",
        {"Hello": "World"},
    ),
    Route(
        "/hello-sync",
        "plain `def`",
        "gives the same response; it needs a free thread of the pool",
        {"Hello": "World"},
        SYNC,
    ),
    Route("/normal", "plain `def`", "runs the endless loop in a worker thread", needs=SYNC),
    Route("/blocking", _ASYNC, "runs the endless loop without an `await`: the defect"),
    Route(
        "/background",
        _ASYNC,
        "hands the loop, a plain `def`, to the framework's own background task and responds "
        "without waiting for it",
        {"message": "Background task started"},
    ),
    Route(
        "/background-async",
        _ASYNC,
        "the trap: does the same, but its loop is an `async def` that never awaits",
        {"message": "Background task started"},
    ),
    Route(
        "/cooperative",
        _ASYNC,
        "runs the loop with `await asyncio.sleep(0)` in every iteration",
    ),
    Route(
        "/offloaded",
        _ASYNC,
        "awaits the loop in a thread of its own small pool; 503 with `Retry-After` while the pool "
        "is full",
        needs=frozenset({"offloaded"}),
    ),
    *_job_routes("/supervised", "starts the loop as a job that the app owns"),
    Route(
        "/streamed",
        _ASYNC,
        "sends the loop's results as server-sent events, until the client disconnects",
        needs=frozenset({"streamed"}),
        streams=True,
    ),
    *_job_routes(
        "/process",
        "starts the loop as a job in a process of its own; 503 with `Retry-After` while too many "
        "jobs run",
    ),
    Route(
        "/paced",
        _ASYNC,
        "runs the loop in short slices and yields to the event loop after each, until the client "
        "disconnects",
        needs=frozenset({"paced"}),
    ),
    *_job_routes(
        "/queued",
        "queues the loop for a worker; 503 with `Retry-After` while too many jobs are open, or the "
        "queue does not answer",
        ", and its `state`: `lost` after its worker was killed",
    ),
)


def route(path: str) -> Route:
    """Return the first route at *path*: the route that starts a loop, if there are several.

    Raises ``KeyError`` if the contract has no such path.
    """
    for row in ROUTES:
        if row.path == path:
            return row
    raise KeyError(path)


def starts_by(path: str) -> str:
    """Return the method that starts a loop at *path*, or GET if the contract has no such path."""
    return next((row.method for row in ROUTES if row.path == path), "GET")


def is_stream(path: str) -> bool:
    """Return whether a route at *path* has an endless response body."""
    return any(row.streams for row in ROUTES if row.path == path)


class State(StrEnum):
    """The state of an app in a window."""

    ALIVE = "answering"
    FROZEN = "frozen"
    STARVED = "starved"
    MIXED = "mixed"
    NOT_RUNNING = "not running"


MAX_OUTSTANDING: Final = 50
"""The limit of a window's unanswered requests. After a freeze, httpx's own pool needs more than a
second to handle 250 of them, and 0.06 s to handle 50 (trial of the engine)."""


class Then(StrEnum):
    """The event between the first steps of a window's loops and the probes."""

    NOTHING = "nothing"
    DISCONNECT = "the client disconnects, or stops the job"
    FAIL = "each loop raises an exception"


@dataclass(frozen=True)
class Window:
    """Probes on schedule while loops run."""

    title: str
    load: tuple[str, ...]
    """The paths that start the loops, in this order."""
    must_be: State
    paths: tuple[str, ...] = ("/hello", "/hello-sync")
    """The probed paths, all of them at every tick."""
    probes: int = 10
    """Number of probes of each path."""
    interval: float = 0.02
    """Seconds from one probe of a path to the next."""
    one_connection: bool = False
    """Whether load and probes share a single connection."""
    at_once: bool = False
    """Whether the loops start together, and the app may refuse some. Otherwise each loop starts
    after the first step of the loop before it."""
    none_may_wait: bool = False
    """Whether the suite stops waiting as soon as a loop neither runs nor was refused."""
    then: Then = Then.NOTHING
    remedy: str = ""
    """The remedy whose promise this window tests, if any."""

    @property
    def needs(self) -> frozenset[str]:
        """The features and remedies that this window needs."""
        of_load = frozenset[str]().union(*(route(path).needs for path in self.load))
        of_paths = frozenset.intersection(*(route(path).needs for path in self.paths))
        return of_load | of_paths | ({self.remedy} if self.remedy else frozenset())


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
    """One request that starts no loop; a case checks its response."""

    method: str
    path: str
    """As in the table of routes; ``{id}`` stands for an id that no job has."""

    @property
    def requested(self) -> str:
        """The path of the request."""
        return self.path.replace("{id}", UNKNOWN_ID)

    @property
    def needs(self) -> frozenset[str]:
        """The features and remedies that this exchange needs."""
        rows = [row for row in ROUTES if (row.method, row.path) == (self.method, self.path)]
        return rows[0].needs if rows else frozenset()
