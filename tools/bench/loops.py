"""Loops on one server: started together, counted while they run, stopped from outside."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, Self

from asgi_liveness.errors import TargetError
from asgi_liveness.probing.client import open_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from asgi_liveness.serving.server import Server

NUMBERS: Final = (1, 10, 100, 1000)
"""The numbers of loops that the benches measure."""
LIMIT: Final = 20.0  # seconds to start all loops, and to stop them
POLL: Final = 0.005  # seconds
SETTLE: Final = 0.05  # seconds after the start


class Loops:
    """Loops that run within ``async with Loops(server, "Pace 1 ms", 100) as loops:``."""

    def __init__(self, server: Server, way: str, number: int) -> None:
        self._server, self._way, self._number = server, way, number
        self._first = server.ledger.taken

    async def __aenter__(self) -> Self:
        """Start them and wait until all run. Raises ``TargetError``."""
        parameters = {"way": self._way, "of": str(self._number)}
        async with open_client(self._server.url, 1) as client, asyncio.timeout(LIMIT):
            (await client.post("/loops", params=parameters)).raise_for_status()
        await self._until(lambda: len(self.steps()) == self._number, "started")
        await asyncio.sleep(SETTLE)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop them and wait until they have ended. Raises ``TargetError``."""
        self._server.ledger.stop()
        ledger = self._server.ledger
        await self._until(lambda: all(loop.ended for loop in ledger.loops(self._first)), "stopped")

    def steps(self) -> list[int]:
        """Return the number of steps of each loop."""
        return [loop.steps for loop in self._server.ledger.loops(self._first)]

    async def rate(self, seconds: float) -> float:
        """Return the steps a second of all loops together, counted for *seconds*."""
        began, before = self._counted()
        await asyncio.sleep(seconds)
        ended, after = self._counted()
        return (after - before) / (ended - began)

    def _counted(self) -> tuple[float, int]:
        """Return the time, and the steps of all loops then: a thousand take a while to read."""
        began = time.monotonic()
        steps = sum(self.steps())
        return (began + time.monotonic()) / 2, steps

    async def _until(self, condition: Callable[[], bool], participle: str) -> None:
        """Wait until *condition* is true; *participle* names it in the ``TargetError``."""
        limit = time.monotonic() + LIMIT
        while not condition():
            if time.monotonic() > limit or self._server.ended:
                raise TargetError(
                    f"{self._server.target} on {self._server.kind.name}: {self._number} loops by "
                    f"{self._way} were not {participle} within {LIMIT:.0f} s"
                )
            await asyncio.sleep(POLL)
