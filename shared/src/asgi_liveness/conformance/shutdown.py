"""A shutdown: start a server and a loop, send a signal, and time the exit of all processes."""

from __future__ import annotations

import asyncio
import contextlib
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

    from asgi_liveness.conformance.places import Places
    from asgi_liveness.probing.request import Request
    from asgi_liveness.serving.servers import ServerKind

SIGNALS: Final = ("SIGTERM", "SIGINT")
_POLL: Final = 0.01  # seconds


async def watch_shutdown(
    kind: ServerKind, target: str, shutdown: Shutdown, worker: tuple[str, ...], places: Places
) -> ShutdownTimes:
    """Start and end a server for each signal, and return the times; a *worker* goes on.

    Raises ``TargetError`` if the server or its loop does not start, or if this system cannot list
    the server's processes.
    """
    if not ending.sees_members():
        raise TargetError(
            f"{target}: no /proc here to list the server's processes; run this case on Linux"
        )

    async def timed(name: str) -> tuple[float | None, str]:
        server = Server(kind, target, recommended=shutdown.recommended)
        try:
            async with places.to_run:
                return await _time_exit(server, shutdown.remedy, name, worker, places)
        finally:
            server.end()

    found = await asyncio.gather(*map(timed, SIGNALS))
    return ShutdownTimes(
        {name: seconds for name, (seconds, _) in zip(SIGNALS, found, strict=True)},
        {name: left for name, (_, left) in zip(SIGNALS, found, strict=True)},
    )


async def _time_exit(
    server: Server, remedy: str, name: str, worker: tuple[str, ...], places: Places
) -> tuple[float | None, str]:
    """Return the seconds from a signal until the exit, or None and what is left."""
    async with contextlib.AsyncExitStack() as stack:
        async with places.to_start:
            # In a thread, as all that takes time here: the exits of other servers are timed.
            await asyncio.to_thread(server.start)
            client = await stack.enter_async_context(open_client(server.url))
            await server.ready()
            if places.gentle:
                server.ledger.be_gentle()
            if worker:
                await asyncio.to_thread(server.start_worker, worker)
            requests = [await _start(server, client, f"/{remedy}")] if remedy else []
        seconds = await _end(server, name)
        left = "" if seconds is not None else _left(server)
        await asyncio.to_thread(server.end)
        await finish(requests)
    return seconds, left


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
    # The listing of all processes takes milliseconds, and servers that are to end are many.
    while not server.ended or server.group.members():
        if time.monotonic() > sent + EXIT_LIMIT:
            return None
        await asyncio.sleep(_POLL)
    return time.monotonic() - sent


def _left(server: Server) -> str:
    """Describe the processes that are left, with the end of the server's log."""
    number = len(server.group.members())
    return f"{number} of its processes still ran; the end of its log: {server.last_words()}"
