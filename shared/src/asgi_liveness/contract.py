"""The contract: the routes that a target has, and the windows in which it is watched.

What varies stands here, in tables that cases, report, documents and tests walk.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

VERSION: Final = 1
FEATURES: Final = {"sync": "synchronous handlers (a plain `def`)"}
"""What a target may declare that it lacks."""


@dataclass(frozen=True)
class Route:
    """One route of the contract; every one is a GET."""

    path: str
    handler: str
    does: str
    answer: dict[str, str] | None = None
    """The JSON body, where the contract fixes it."""
    needs: frozenset[str] = frozenset()
    """The features without which a target cannot have the route."""


SYNC: Final = frozenset({"sync"})
ROUTES: Final = (
    Route(
        "/hello",
        "`async def`",
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
    Route("/blocking", "`async def`", "runs the endless loop and never awaits: the defect"),
    Route(
        "/background",
        "`async def`",
        "hands the loop, a plain `def`, to the framework's own background task and answers "
        "without waiting for it",
        {"message": "Background task started"},
    ),
    Route(
        "/background-async",
        "`async def`",
        "the trap: the same with an `async def` loop that never awaits",
        {"message": "Background task started"},
    ),
    Route(
        "/cooperative",
        "`async def`",
        "runs the loop with `await asyncio.sleep(0)` in every turn",
    ),
)


def route(path: str) -> Route:
    """Return the route at *path*. Raises ``KeyError`` where the contract has none."""
    return {row.path: row for row in ROUTES}[path]


class State(StrEnum):
    """What a window shows of an app."""

    ALIVE = "answering"
    FROZEN = "frozen"
    STARVED = "starved"
    MIXED = "mixed"
    NOT_RUNNING = "not running"


MOST_OUTSTANDING: Final = 50
"""Requests that a window may have under way: with 250 of them httpx's own pool takes more than a
second at the thaw, with 50 it takes 0.06 s (trial of the engine)."""


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

    @property
    def needs(self) -> frozenset[str]:
        """The features without which there is no such window."""
        return frozenset().union(*(route(path).needs for path in self.jobs))


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
        return next((row.needs for row in ROUTES if row.path == self.path), frozenset())
