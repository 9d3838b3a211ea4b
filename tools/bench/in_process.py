"""The app of ``nox -s heartbeat -- --in-process``: /on enters ``watch_loop``, /off leaves it."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Final

import asgi_liveness
from tools.bench.heartbeat import IN_PROCESS, MAX_STALL, METRICS, respond

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tools.bench.heartbeat import Message

OPEN: Final = contextlib.AsyncExitStack()


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],  # noqa: ARG001 (ASGI)
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Respond; /on and /off say whether the watcher's thread runs then."""
    assert scope["type"] == "http"  # as for the other form
    if scope["path"] == "/on" and not _watches():
        metrics, max_stall = os.environ[METRICS] or None, float(os.environ[MAX_STALL])
        watching = asgi_liveness.watch_loop(max_stall=max_stall, metrics=metrics)
        await OPEN.enter_async_context(watching)
    if scope["path"] == "/off":
        await OPEN.aclose()
    if scope["path"] == "/":
        await respond(send)
    else:
        await respond(send, (IN_PROCESS, b"1" if _watches() else b"0"))


def _watches() -> bool:
    """Whether the watcher's thread runs."""
    return any(thread.name == "asgi-liveness" for thread in threading.enumerate())
