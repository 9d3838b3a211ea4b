"""Cheap probes on schedule, and clients that repeat their request without a pause.

httpx takes as long for a request as a server does, and the benches measure waits of a millisecond.
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
CONNECTIONS: Final = 8  # opened before the first probe; a probe opens one more if none is free
INTERVAL: Final = 0.005  # seconds between two probes
LONGEST: Final = 60_000_000  # microseconds; a histogram can hold no longer wait
DIGITS: Final = 3  # exact digits of a recorded wait
LAST: Final = 5.0  # seconds to wait for responses after the last probe has left


def run(main: Coroutine[Any, Any, Any]) -> None:
    """Run *main* in an event loop with exact timers; the usual one rounds to milliseconds."""

    def factory() -> asyncio.AbstractEventLoop:
        return asyncio.SelectorEventLoop(selectors.SelectSelector())

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)


def histogram() -> HdrHistogram:
    """Return an empty histogram of waits in microseconds."""
    return HdrHistogram(1, LONGEST, DIGITS)


class Connection(asyncio.Protocol):
    """A connection that stays open, with one request at a time."""

    def __init__(self, answered: Callable[[Connection], None]) -> None:
        self.answered = answered
        self._data = b""
        self.due = 0.0
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 (the signature is asyncio's)
        """Note that the server closed the connection, as servers do with an idle one."""
        self.open = False

    def request(self, due: float) -> None:
        """Send a request that was due at *due*."""
        self.due = due
        self.transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        """Call ``answered`` when the response is complete."""
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
        """Open one more connection."""
        loop = asyncio.get_running_loop()
        address = ("127.0.0.1", self._server.port)
        _, connection = await loop.create_connection(lambda: Connection(answered), *address)
        self._all.append(connection)
        return connection

    def close(self) -> None:
        """Close all connections."""
        for connection in self._all:
            connection.transport.close()

    async def probe(self, seconds: float, interval: float = INTERVAL) -> tuple[HdrHistogram, int]:
        """Probe for *seconds*; return the waits, and the number of probes without a response.

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

        async def send(due: float) -> None:
            while self._free and not self._free[-1].open:
                self._free.pop()
            connection = self._free.pop() if self._free else await self.connect(answered)
            connection.answered = answered
            connection.request(due)

        for _ in range(CONNECTIONS - len(self._all)):
            self._free.append(await self.connect(answered))
        async with asyncio.TaskGroup() as group:
            for due in due_times(round(seconds / interval), interval):
                await wait_until(due)
                outstanding += 1
                last.clear()
                group.create_task(send(due))
        if outstanding:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(last.wait(), LAST)
        return waits, outstanding

    async def load(self, connections: int, seconds: float) -> float:
        """Repeat a request on new *connections* for *seconds*; return the responses a second."""
        responses = 0
        end = time.monotonic() + seconds

        def answered(connection: Connection) -> None:
            nonlocal responses
            responses += 1
            if time.monotonic() < end:
                connection.request(0)

        began = time.monotonic()
        for _ in range(connections):
            (await self.connect(answered)).request(0)
        await asyncio.sleep(end - time.monotonic())
        return responses / (time.monotonic() - began)
