"""A shutdown: start a server and a loop, send a signal, and time the exit of all processes."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance.endings import Shutdown, ShutdownTimes
from asgi_liveness.conformance.load import START_LIMIT, start_request
from asgi_liveness.conformance.promises import EXIT_LIMIT
from asgi_liveness.errors import TargetError
from asgi_liveness.probing.client import open_client
from asgi_liveness.probing.request import finish
from asgi_liveness.serving import ending
from asgi_liveness.serving.server import Server

if TYPE_CHECKING:
    import httpx

    from asgi_liveness.probing.request import Request
    from asgi_liveness.serving.servers import ServerKind

SIGNALS: Final = ("SIGTERM", "SIGINT")
_POLL: Final = 0.01  # seconds


async def watch_shutdown(
    kind: ServerKind, target: str, shutdown: Shutdown, worker: tuple[str, ...] = ()
) -> ShutdownTimes:
    """Start and end a server once for each signal, and return the times; a *worker* goes on.

    Raises ``TargetError`` if the server or its loop does not start, or if this system cannot list
    the server's processes.
    """
    if not ending.sees_members():
        raise TargetError(
            f"{target}: no /proc here to list the server's processes; run this case on Linux"
        )
    seconds: dict[str, float | None] = {}
    left: dict[str, str] = {}
    for name in SIGNALS:
        with Server(kind, target, recommended=shutdown.recommended) as server:
            await server.ready()
            if worker:
                server.start_worker(worker)
            async with open_client(server.url) as client:
                requests = (
                    [await _start(server, client, f"/{shutdown.remedy}")] if shutdown.remedy else []
                )
                seconds[name] = await _end(server, name)
                left[name] = "" if seconds[name] is not None else _left(server)
                server.end()
                await finish(requests)
    return ShutdownTimes(seconds, left)


async def _start(server: Server, client: httpx.AsyncClient, path: str) -> Request:
    """Start a loop at *path* and wait for its first step; return the request."""
    request = start_request(path)
    request.send(client)
    while not any(loop.steps for loop in server.ledger.loops()):
        await asyncio.sleep(_POLL)
        if time.monotonic() > request.sent + START_LIMIT or server.ended:
            words = f"{request.method} {path} started no loop within {START_LIMIT:.0f} s"
            raise TargetError(
                f"{server.target}: {words} on {server.kind.name}; "
                f"does its handler step a LoopBody({path!r})?"
            )
    return request


async def _end(server: Server, name: str) -> float | None:
    """Signal the server as a supervisor or a terminal does; return the seconds until its exit.

    None if processes are left after the limit.
    """
    number = signal.Signals[name]
    if number is signal.SIGINT:
        os.killpg(server.group.id, number)  # the keeper lives on
    else:
        server.group.signal(number)
    sent = time.monotonic()
    while server.group.members():
        if time.monotonic() > sent + EXIT_LIMIT:
            return None
        await asyncio.sleep(_POLL)
    return time.monotonic() - sent


def _left(server: Server) -> str:
    """Describe the processes that are left, with the end of the server's log."""
    number = len(server.group.members())
    return f"{number} of its processes still ran; the end of its log: {server.last_words()}"
