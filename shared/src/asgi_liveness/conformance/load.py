"""The jobs of one window: the requests that start its loops, and those loops in the ledger."""

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

QUIET: Final = 2.0
"""Seconds without a further loop or refusal after which no more of many jobs will start."""
START_LIMIT: Final = 10.0
"""Seconds for the first steps of all jobs that were accepted: eight processes that start on two
busy cores take several."""
POLL: Final = 0.001  # seconds


class Load:
    """The jobs of *window*, from now on."""

    def __init__(self, server: Server, window: Window) -> None:
        self.requests: list[Request] = []
        self._server, self._window = server, window
        self._first = server.ledger.taken

    async def start(self, client: httpx.AsyncClient) -> bool:
        """Start them as the window says; return whether its loops make steps."""
        return await (self._at_once(client) if self._window.at_once else self._in_turn(client))

    async def _in_turn(self, client: httpx.AsyncClient) -> bool:
        for path in self._window.jobs:
            request = self._send(client, path)
            # An answer that is no success will not be followed by a step.
            await self.until(lambda: self.steps(path) > 0 or _refused(request))  # noqa: B023 (awaited at once)
            if not self.steps(path):
                return False
        return True

    async def _at_once(self, client: httpx.AsyncClient) -> bool:
        for path in self._window.jobs:
            self._send(client, path)
        before, since = len(self.requests), time.monotonic()
        while (left := self.unsettled) and time.monotonic() < since + QUIET:
            if left != before:
                before, since = left, time.monotonic()
            await asyncio.sleep(POLL)
        await self.until(lambda: self._stepping >= self._accepted, START_LIMIT)
        return self.steps() > 0

    def _send(self, client: httpx.AsyncClient, path: str) -> Request:
        request = start_request(path)
        request.send(client)
        self.requests.append(request)
        return request

    @property
    def loops(self) -> list[Loop]:
        """Their loops, as the ledger has them now."""
        return self._server.ledger.loops(self._first)

    def steps(self, path: str | None = None) -> int:
        """Return the steps of all loops, or of those of one route."""
        return sum(loop.steps for loop in self.loops if path in (None, loop.route))

    @property
    def all_ended(self) -> bool:
        """Whether no loop makes any more steps."""
        return all(loop.ended for loop in self.loops)

    @property
    def unsettled(self) -> int:
        """Of those started at once, how many make no step and were neither refused nor accepted.

        A job that is accepted will step: a process takes its time to start.
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

    async def a_further_step(self) -> bool:
        """Wait until every job made one more step: so the loops ran while answers came."""
        before = {path: self.steps(path) for path in self._window.jobs}

        def all_stepped() -> bool:
            return all(self.steps(path) > steps for path, steps in before.items())

        await self.until(lambda: all_stepped() or any(loop.ended for loop in self.loops))
        return all_stepped()

    async def stop(self) -> bool:
        """Stop all loops; return whether they ended, and the requests came to an end."""

        def all_ended() -> bool:
            # Again: a request that waited for the end of a freeze, or for a thread, starts its
            # loop only now.
            self._server.ledger.stop()
            answered = all(request.task.done() for request in self.requests)
            coming = len(self.requests) - self._refused if self._window.at_once else 0
            return answered and len(self.loops) >= coming and self.all_ended

        ended = await self.until(all_ended)
        return await finish(self.requests) and ended

    async def until(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Poll *condition*; return whether it came true in the server's life and in time.

        In time is ``LIMIT`` where *seconds* does not say otherwise.
        """
        limit = time.monotonic() + (LIMIT if seconds is None else seconds)
        while not condition():
            if time.monotonic() > limit or self._server.ended:
                return False
            await asyncio.sleep(POLL)
        return True


def start_request(path: str) -> Request:
    """Return the request that starts a loop at *path*, due now."""
    reading = Reading.UNPARSED if is_stream(path) else Reading.WHOLE
    return Request(path, time.monotonic(), starts_by(path), reading=reading)


def _refused(request: Request) -> bool:
    return request.response is not None and request.response.refused
