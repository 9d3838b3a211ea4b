"""The load of one window: the requests that start its loops, and these loops in the ledger."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance.contract import is_stream, starts_by
from asgi_liveness.probing.request import LIMIT, Reading, Request, finish

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from asgi_liveness.conformance.contract import Window
    from asgi_liveness.inside.ledger import Loop
    from asgi_liveness.serving.server import Server

NO_PROGRESS_LIMIT: Final = 2.0
"""Seconds without another start or refusal after which the suite expects no more of them."""
START_LIMIT: Final = 10.0
"""Seconds for the first steps of all accepted jobs. Eight processes need several to start on two
busy cores."""
POLL: Final = 0.001  # seconds
POLL_OF_MANY: Final = 0.005
"""Seconds where many loops start at once: to read all of them takes 0.4 ms of the prober's time."""


class Load:
    """The load of *window*, with the loops that start from now on."""

    def __init__(self, server: Server, window: Window) -> None:
        self.requests: list[Request] = []
        self._server, self._window = server, window
        self._first = server.ledger.taken
        self._poll = POLL_OF_MANY if window.at_once else POLL

    async def start(self, client: httpx.AsyncClient) -> bool:
        """Start the loops as the window says; return whether they make steps."""
        return await (self._at_once(client) if self._window.at_once else self._one_by_one(client))

    async def _one_by_one(self, client: httpx.AsyncClient) -> bool:
        for path in self._window.load:
            request = self._send(client, path)
            # After a refusal no loop starts.
            await self.until(lambda: self.steps(path) > 0 or _refused(request))  # noqa: B023 (awaited at once)
            if not self.steps(path):
                return False
        return True

    async def _at_once(self, client: httpx.AsyncClient) -> bool:
        for path in self._window.load:
            self._send(client, path)
        before, since = len(self.requests), time.monotonic()
        while (left := self.unsettled) and time.monotonic() < since + NO_PROGRESS_LIMIT:
            if left != before:
                before, since = left, time.monotonic()
            await asyncio.sleep(self._poll)
        await self.until(lambda: self._stepping >= self._accepted, START_LIMIT)
        return self.steps() > 0

    def _send(self, client: httpx.AsyncClient, path: str) -> Request:
        request = start_request(path)
        request.send(client)
        self.requests.append(request)
        return request

    @property
    def loops(self) -> list[Loop]:
        """The loops of the load, as the ledger has them now."""
        return self._server.ledger.loops(self._first)

    def steps(self, path: str | None = None) -> int:
        """Return the number of steps of all loops, or of the loops of one route."""
        return sum(loop.steps for loop in self.loops if path in (None, loop.route))

    @property
    def all_ended(self) -> bool:
        """Whether all loops have ended."""
        return all(loop.ended for loop in self.loops)

    @property
    def unsettled(self) -> int:
        """The number of requests sent at once that led to no step, no refusal and no accepted job.

        An accepted job counts as settled, since a process needs time to start.
        """
        if not self._window.at_once:
            return 0
        return len(self.requests) - self._refused - max(self._stepping, self._accepted)

    @property
    def _stepping(self) -> int:
        return sum(1 for loop in self.loops if loop.steps)

    @property
    def _accepted(self) -> int:
        return sum(1 for request in self.requests if request.response and request.response.location)

    @property
    def _refused(self) -> int:
        return sum(map(_refused, self.requests))

    async def one_more_step(self) -> bool:
        """Wait for one more step at each path; return whether all came.

        They show that the loops still ran while the probes were answered.
        """
        before = {path: self.steps(path) for path in self._window.load}

        def all_stepped() -> bool:
            return all(self.steps(path) > steps for path, steps in before.items())

        await self.until(lambda: all_stepped() or any(loop.ended for loop in self.loops))
        return all_stepped()

    async def stop(self) -> bool:
        """Stop all loops; return whether they and their requests ended."""

        def all_ended() -> bool:
            # Stop again: a request that waited for a thread, or for the end of a freeze, starts
            # its loop only now.
            self._server.ledger.stop()
            answered = all(request.task.done() for request in self.requests)
            expected = len(self.requests) - self._refused if self._window.at_once else 0
            return answered and len(self.loops) >= expected and self.all_ended

        ended = await self.until(all_ended)
        return await finish(self.requests) and ended

    async def until(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Poll *condition*; return whether it came true before the limit and the server's end.

        The limit is *seconds*, by default ``LIMIT``.
        """
        limit = time.monotonic() + (LIMIT if seconds is None else seconds)
        while not condition():
            if time.monotonic() > limit or self._server.ended:
                return False
            await asyncio.sleep(self._poll)
        return True


def start_request(path: str) -> Request:
    """Return the request that starts a loop at *path*; it is due now."""
    reading = Reading.UNPARSED if is_stream(path) else Reading.WHOLE
    return Request(path, time.monotonic(), starts_by(path), reading=reading)


def _refused(request: Request) -> bool:
    return request.response is not None and request.response.refused
