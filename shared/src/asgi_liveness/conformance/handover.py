"""A handover: queue a job, end its server or its worker, and ask another server for the job."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.conformance.endings import Ends, Handed, Handover
from asgi_liveness.conformance.load import start_request
from asgi_liveness.conformance.location import address_of
from asgi_liveness.conformance.promises import EXIT_LIMIT, LOST_LIMIT
from asgi_liveness.errors import TargetError
from asgi_liveness.probing.request import LIMIT, fetch
from asgi_liveness.serving.group import Group
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.worker import Worker, queue_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asgi_liveness.conformance.places import Places
    from asgi_liveness.serving.launched import Launched
    from asgi_liveness.serving.servers import ServerKind

_POLL: Final = 0.05  # seconds
_AFTERWARDS: Final = 1.0
"""Seconds in which a worker that is there takes up a job that waits."""


async def hand_over(
    kind: ServerKind, target: str, handover: Handover, worker: tuple[str, ...], places: Places
) -> Handed:
    """Queue a job, end what *handover* says, and return what became of the job.

    Raises ``TargetError`` if a server or the loop does not start.
    """
    with contextlib.ExitStack() as stack:
        queue = Group()  # its folder outlives the servers
        stack.callback(queue.end)
        server, other = (Server(kind, target, queue=queue_in(queue.folder)) for _ in range(2))

        async def begin(launched: Launched) -> None:
            # In a thread, as all that takes time here: the exits of other servers are timed.
            await asyncio.to_thread(stack.enter_context, launched)

        async with places.to_hand_over, places.to_run:
            async with places.to_start:
                await begin(server)
                await server.ready()
                if places.gentle:
                    server.ledger.be_gentle()
                first, second = (Worker(worker, server.environment) for _ in range(2))
                await begin(first)
                job = _Job(server, f"/{handover.remedy}")
                await job.start()
            before = await job.steps()
            if handover.ends is Ends.SERVER:
                server.group.signal(signal.SIGTERM)
                await job.until(lambda: _true(server.ended), EXIT_LIMIT)
                await asyncio.to_thread(server.end)
                await begin(other)
                job.server = other
                await other.ready()
                await job.until(lambda: job.went_on(before), LOST_LIMIT)
            elif handover.ends is Ends.WORKER:
                first.group.signal(signal.SIGTERM)
                await begin(second)
                await job.until(lambda: _true(first.ended), EXIT_LIMIT)
                before = await job.steps()
                await job.until(lambda: job.went_on(before), LOST_LIMIT)
            else:
                first.kill()
                await job.until(job.is_lost, LOST_LIMIT)
                before = await job.steps()
                await begin(second)
                await job.until(lambda: job.went_on(before), _AFTERWARDS)
            handed = await job.handed(before)
            await asyncio.to_thread(stack.close)
        return handed


async def _true(value: object) -> bool:
    return bool(value)


@dataclass
class _Job:
    """A job, as a client sees it through whichever server runs."""

    server: Server
    path: str
    location: str = ""
    at_once: int = 0

    def __post_init__(self) -> None:
        self._ledger = self.server.ledger

    async def start(self) -> None:
        """Queue the job and wait for its first steps."""
        request = start_request(self.path)
        response = await fetch(self.server.url, request.method, self.path)
        self.location = response.location
        if not (response.location and await self.until(self._steps_are_known, LOST_LIMIT)):
            raise TargetError(
                f"{self.server.target}: POST {self.path} started no loop on "
                f"{self.server.kind.name}; does the worker run, and step a "
                f"LoopBody({self.path!r})?"
            )

    async def _steps_are_known(self) -> bool:
        return await self.steps() > 0

    async def _status(self, method: str = "GET") -> dict[str, Any]:
        address = address_of(self.location, self.server.url, self.path)
        body = (await fetch(self.server.url, method, address)).body if address else None
        return body if isinstance(body, dict) else {}

    async def steps(self) -> int:
        """Return its steps; 0 if no server tells them."""
        steps = (await self._status()).get("steps")
        return steps if isinstance(steps, int) else 0

    async def went_on(self, before: int) -> bool:
        """Return whether it made more steps than *before*."""
        return await self.steps() > before

    async def is_lost(self) -> bool:
        """Return whether its state says that it is lost."""
        return (await self._status()).get("state") == "lost"

    def _running(self) -> int:
        loops = [loop for loop in self._ledger.loops() if loop.steps and not loop.ended]
        self.at_once = max(self.at_once, len(loops))
        return len(loops)

    async def until(self, condition: Callable[[], Awaitable[bool]], seconds: float) -> bool:
        """Poll *condition*; return whether it came true within *seconds*."""
        limit = time.monotonic() + seconds
        while not await condition():
            self._running()
            if time.monotonic() > limit:
                return False
            await asyncio.sleep(_POLL)
        return True

    async def handed(self, before: int) -> Handed:
        """Stop the job, and return what became of it since *before*."""
        now = await self._status()
        steps, state = now.get("steps"), now.get("state")
        listed = (await fetch(self.server.url, "GET", self.path)).body
        key = self.location.rstrip("/").rpartition("/")[2]
        await self._status("DELETE")
        stopped = await self.until(lambda: _true(not self._running()), LIMIT)
        return Handed(
            (before, steps if isinstance(steps, int) else 0),
            state if isinstance(state, str) else "",
            isinstance(listed, dict) and key in listed,
            stopped,
            self.at_once,
        )
