"""Tiny bare-ASGI apps with a route for each verdict of a check.

They need only Python, so that ``asgi-liveness selftest`` works wherever an app runs. Each route has
a function of the same name; ``MINIATURES`` lists the verdicts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asgi_liveness.inside.app_import import Message, Receive, Send


@dataclass(frozen=True)
class Miniature:
    """One check and its expected result."""

    during: str | None
    verdict: Verdict
    culprit: str = ""
    """The function that the report must name."""
    probe: str = "/healthz"
    app: str = "app"


MINIATURES: Final = (
    Miniature("GET /cooperates", Verdict.LIVE),
    Miniature("GET /in-a-thread", Verdict.LIVE),
    Miniature("GET /loops", Verdict.STALLED, "loops"),
    Miniature("GET /sleeps", Verdict.STALLED, "sleeps"),
    Miniature("GET /holds-the-gil", Verdict.STALLED, "holds_the_gil"),
    Miniature("GET /fills-the-pool", Verdict.STARVED, "wait_in_the_pool", "/in-the-pool"),
    Miniature(None, Verdict.IDLE_STALLED, "schedule", app="scheduler"),
    Miniature("GET /exits", Verdict.DIED),
    Miniature("POST /is-stopped", Verdict.INCONCLUSIVE),
)
_MORE_THAN_A_POOL: Final = 100  # calls; a thread pool has at most 40 threads


async def healthz() -> None:
    """Respond at once."""


async def in_the_pool() -> None:
    """Respond from a thread of the shared pool."""
    await asyncio.to_thread(lambda: None)


async def cooperates() -> None:
    """Loop for ever, and yield to the event loop in each iteration."""
    while True:  # noqa: ASYNC110 (the remedy, which must stay live)
        await asyncio.sleep(0)


async def in_a_thread() -> None:
    """Sleep in a thread, where it blocks no event loop."""
    await asyncio.to_thread(time.sleep, 1)


async def loops() -> None:
    """Loop for ever without an await."""
    while True:
        pass


async def sleeps() -> None:
    """Make a blocking call that ends."""
    time.sleep(0.5)  # noqa: ASYNC251 (the defect that the check must find)


async def holds_the_gil() -> None:
    """Match a regular expression that takes years and keeps the GIL."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def wait_in_the_pool() -> None:
    """Wait for an event that never comes."""
    threading.Event().wait()


async def fills_the_pool() -> None:
    """Occupy every thread of the pool."""
    await asyncio.gather(*(asyncio.to_thread(wait_in_the_pool) for _ in range(_MORE_THAN_A_POOL)))


async def exits() -> None:
    """End the process without a message."""
    os._exit(1)


async def is_stopped() -> None:
    """Have the process stopped for a while, as on a machine that is too busy."""
    await asyncio.create_subprocess_exec(
        # The delay lets this line return: stopped in it, the process would show it as the culprit.
        *("sh", "-c", f"sleep 0.1; kill -STOP {os.getpid()}; sleep 0.6; kill -CONT {os.getpid()}")
    )


_ROUTES: Final[dict[str, Callable[[], Awaitable[None]]]] = {
    f"/{route.__name__.replace('_', '-')}": route
    for route in (
        *(healthz, in_the_pool, cooperates, in_a_thread, loops, sleeps, holds_the_gil),
        *(fills_the_pool, exits, is_stopped),
    )
}


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Serve the routes."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    route = _ROUTES.get(scope["path"])
    if route is not None:
        await route()
    await send({"type": "http.response.start", "status": 200 if route else 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def schedule() -> None:
    """Do blocking work from time to time."""
    while True:
        time.sleep(0.3)  # noqa: ASYNC251 (the defect that the check must find)
        await asyncio.sleep(0.2)


async def scheduler(scope: Message, receive: Receive, send: Send) -> None:
    """Serve the routes while a task runs that the lifespan started."""
    if scope["type"] != "lifespan":
        await app(scope, receive, send)
        return
    task = asyncio.create_task(schedule())
    await _lifespan(receive, send)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _lifespan(receive: Receive, send: Send) -> None:
    for phase in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{phase}.complete"})
