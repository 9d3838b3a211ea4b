"""Probes that leave on schedule, and clients that ask again at once: lean, to disturb little.

httpx takes as long for a request as a server does; here a wait of a millisecond is what counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import selectors
import time
from typing import TYPE_CHECKING, Final

from hdrh.histogram import HdrHistogram

from asgi_liveness.probing.schedule import due_times, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from asgi_liveness.serving.server import Server

REQUEST: Final = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
CONNECTIONS: Final = 8  # open before the first probe; more are made where none is free
INTERVAL: Final = 0.005  # seconds between two probes
LONGEST: Final = 60_000_000  # microseconds that a histogram can hold
DIGITS: Final = 3  # of a recorded time that are exact
LAST: Final = 5.0  # seconds for which an answer is waited for when all probes have left


def run(main: Coroutine[Any, Any, Any]) -> None:
    """Run *main* in an event loop whose timers are exact: others round to milliseconds."""

    def factory() -> asyncio.AbstractEventLoop:
        return asyncio.SelectorEventLoop(selectors.SelectSelector())

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)


def histogram() -> HdrHistogram:
    """Return an empty one, of waits in microseconds."""
    return HdrHistogram(1, LONGEST, DIGITS)


class Connection(asyncio.Protocol):
    """A connection that stays open, with one request at a time."""

    def __init__(self, answered: Callable[[Connection], None]) -> None:
        self.answered = answered
        self._data = b""
        self.due = 0.0
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 (asyncio's)
        """Be of no more use: servers close a connection on which nothing was asked for long."""
        self.open = False

    def ask(self, due: float) -> None:
        """Send a request that was due then."""
        self.due = due
        self.transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        """Say so when the answer is whole."""
        self._data += data
        head, _, body = self._data.partition(b"\r\n\r\n")
        length = LENGTH.search(head + b"\r\n")
        if length and len(body) >= int(length[1]):
            self._data = b""
            self.answered(self)


class Prober:
    """Keep-alive connections to one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._free: list[Connection] = []
        self._all: list[Connection] = []

    async def connect(self, answered: Callable[[Connection], None]) -> Connection:
        """Open one connection more."""
        loop = asyncio.get_running_loop()
        where = ("127.0.0.1", self._server.port)
        _, connection = await loop.create_connection(lambda: Connection(answered), *where)
        self._all.append(connection)
        return connection

    def close(self) -> None:
        """Close them all."""
        for connection in self._all:
            connection.transport.close()

    async def probe(self, seconds: float, interval: float = INTERVAL) -> tuple[HdrHistogram, int]:
        """Return the waits of the probes of so many seconds, and how many were not answered.

        A wait counts from when the probe was due.
        """
        waits, outstanding, last = histogram(), 0, asyncio.Event()

        def answered(connection: Connection) -> None:
            nonlocal outstanding
            outstanding -= 1
            waits.record_value(max(1, round((time.monotonic() - connection.due) * 1e6)))
            self._free.append(connection)
            if not outstanding:
                last.set()

        async def ask(due: float) -> None:
            while self._free and not self._free[-1].open:
                self._free.pop()
            connection = self._free.pop() if self._free else await self.connect(answered)
            connection.answered = answered
            connection.ask(due)

        for _ in range(CONNECTIONS - len(self._all)):
            self._free.append(await self.connect(answered))
        async with asyncio.TaskGroup() as group:
            for due in due_times(round(seconds / interval), interval):
                await wait_until(due)
                outstanding += 1
                last.clear()
                group.create_task(ask(due))
        if outstanding:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(last.wait(), LAST)
        return waits, outstanding

    async def load(self, connections: int, seconds: float) -> float:
        """Ask again and again on so many new connections; return the answers a second."""
        answers = 0
        end = time.monotonic() + seconds

        def answered(connection: Connection) -> None:
            nonlocal answers
            answers += 1
            if time.monotonic() < end:
                connection.ask(0)

        began = time.monotonic()
        for _ in range(connections):
            (await self.connect(answered)).ask(0)
        await asyncio.sleep(end - time.monotonic())
        return answers / (time.monotonic() - began)
