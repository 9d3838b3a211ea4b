"""Tiny bare-ASGI apps, one for each verdict that a check can come to.

They need nothing but Python, so that ``asgi-liveness selftest`` runs where an app runs. Each route
is a function of that name, and the verdict on it stands in ``MINIATURES``.
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
    """One check, and what it must come to."""

    during: str | None
    verdict: Verdict
    culprit: str = ""
    """The function that it must name."""
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
_MORE_THAN_A_POOL: Final = 100


async def healthz() -> None:
    """Answer at once."""


async def in_the_pool() -> None:
    """Answer from a thread of the pool that all share."""
    await asyncio.to_thread(lambda: None)


async def cooperates() -> None:
    """Loop for ever, and give way in every turn."""
    while True:  # noqa: ASYNC110 (the remedy that is to be left in peace)
        await asyncio.sleep(0)


async def in_a_thread() -> None:
    """Sleep where it harms nobody."""
    await asyncio.to_thread(time.sleep, 1)


async def loops() -> None:
    """Loop for ever, and never await."""
    while True:
        pass


async def sleeps() -> None:
    """Call what blocks, and ends."""
    time.sleep(0.5)  # noqa: ASYNC251 (the defect that is to be found)


async def holds_the_gil() -> None:
    """Run a regular expression that takes years, and lets no other thread run."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def wait_in_the_pool() -> None:
    """Wait for what never comes."""
    threading.Event().wait()


async def fills_the_pool() -> None:
    """Take every thread of the pool."""
    await asyncio.gather(*(asyncio.to_thread(wait_in_the_pool) for _ in range(_MORE_THAN_A_POOL)))


async def exits() -> None:
    """End the process without a word."""
    os._exit(1)


async def is_stopped() -> None:
    """Let the process be stopped for a while, as a machine without time for it would."""
    await asyncio.create_subprocess_exec(
        # Not at once: it would be stopped in this very line, which then is where it stands.
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
    """Do some work now and then, where it blocks."""
    while True:
        time.sleep(0.3)  # noqa: ASYNC251 (the defect that is to be found)
        await asyncio.sleep(0.2)


async def scheduler(scope: Message, receive: Receive, send: Send) -> None:
    """Serve the routes beside a task that the lifespan started."""
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
