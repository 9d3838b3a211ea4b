"""One window: start the jobs, send probes on schedule, judge, and only then stop the loops.

Probes leave on schedule whether or not the last one was answered (open loop), so a freeze
cannot hide itself by holding the prober up; a wait counts from when a probe was due.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import httpx

from asgi_liveness.contract import Exchange, State, Window
from asgi_liveness.errors import RouteMissing
from asgi_liveness.verdict import Answer, Probe, Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from asgi_liveness.ledger import Loop
    from asgi_liveness.serving import Server

ALIVE_CAP: Final = 2.0
"""Seconds after the last probe until an app that must answer is given up. It bounds how long a
freeze is watched; the worst probe of a living app took 0.41 s in the trial of the engine."""
FROZEN_HOLD: Final = 0.25
"""Seconds after the last probe for which an app that must freeze is watched. In 2,025 windows of
living apps the first answer never took longer than 0.15 s."""
LIMIT: Final = 5.0
"""Seconds for what must come: a first step, a further step, the end of a loop, a last answer."""
POLL: Final = 0.001  # seconds


@dataclass
class _Request:
    """A request under way, and its answer when it is there."""

    path: str
    due: float
    sent: float = 0.0
    answer: Answer | None = None
    task: asyncio.Task[None] = field(init=False)

    def send(self, client: httpx.AsyncClient, method: str = "GET") -> None:
        self.sent = time.monotonic()
        self.task = asyncio.create_task(self._run(client, method))

    async def _run(self, client: httpx.AsyncClient, method: str) -> None:
        try:
            async with client.stream(method, self.path) as response:
                # Asked for before the end of the body: a closed connection has no address.
                stream = response.extensions["network_stream"]
                connection = stream.get_extra_info("client_addr")
                await response.aread()
        except httpx.HTTPError as error:
            words = f"{type(error).__name__} {error}".strip()
            self.answer = Answer(at=time.monotonic(), error=words)
        else:
            self.answer = _read(response, connection)


def _read(response: httpx.Response, connection: object) -> Answer:
    content_type = response.headers.get("content-type", "")
    body: object = response.text
    if content_type.startswith("application/json"):
        try:
            body = response.json()
        except ValueError:
            content_type += " (and not JSON)"
    return Answer(
        at=time.monotonic(),
        status=response.status_code,
        content_type=content_type,
        body=body,
        connection=connection,
    )


async def ask(server: Server, exchange: Exchange) -> Answer:
    """Make one plain request. An answer that does not come is an ``Answer`` with an error."""
    request = _Request(exchange.path, due=time.monotonic())
    async with server.client() as client:
        request.send(client, exchange.method)
        await _finish([request])
    if request.answer is None:
        return Answer(at=time.monotonic(), error=f"no answer within {LIMIT:.0f} s")
    return request.answer


async def watch(server: Server, window: Window) -> Seen:
    """Watch one window through. No loop of it runs on afterwards, unless ``recovered`` says so.

    Raises ``RouteMissing`` where a path of the window answers 404.
    """
    try:
        async with (
            server.client(1 if window.one_connection else None) as jobs,
            server.client() as own,
        ):
            watching = _Watching(server, window, server.ledger.taken)
            return await watching.through(jobs, jobs if window.one_connection else own)
    finally:
        server.ledger.stop()


@dataclass
class _Watching:
    server: Server
    window: Window
    first: int
    """The number of the first ledger slot that a loop of this window can have."""
    jobs: list[_Request] = field(default_factory=list)
    probes: list[_Request] = field(default_factory=list)

    async def through(self, client: httpx.AsyncClient, prober: httpx.AsyncClient) -> Seen:
        ledger = self.server.ledger
        must_freeze = self.window.must_be is State.FROZEN
        running = await self._start_jobs(client)
        beats, steps = ledger.beats, self._steps()
        await self._send_probes(prober)
        await self._hold(FROZEN_HOLD if must_freeze or not running else ALIVE_CAP)
        running = running and await self._a_further_step()
        # Here it is judged. What comes after the stop proves nothing of the time before.
        judged_at = time.monotonic()
        beats, steps = ledger.beats - beats, self._steps() - steps
        loops = tuple(self._loops())
        ended = self.server.last_words() if self.server.ended else ""
        recovered = await self._recover()
        self._refuse_missing_routes()
        return Seen(
            window=self.window,
            judged_at=judged_at,
            probes=tuple(Probe(p.path, p.due, p.sent, p.answer) for p in self.probes),
            jobs={job.path: job.answer for job in self.jobs if job.answer},
            loops=loops,
            steps=steps,
            kept_running=running,
            beats=beats,
            recovered=recovered,
            ended=ended,
        )

    async def _start_jobs(self, client: httpx.AsyncClient) -> bool:
        """Start the jobs one by one; return whether each made a first step."""
        for path in self.window.jobs:
            self.jobs.append(_Request(path, due=time.monotonic()))
            self.jobs[-1].send(client)
            if not await self._first_step(self.jobs[-1]):
                return False
        return True

    async def _first_step(self, job: _Request) -> bool:
        # An answer that is no success will not be followed by a step.
        await self._until(lambda: self._steps(job.path) > 0 or _failed(job))
        return self._steps(job.path) > 0

    async def _send_probes(self, client: httpx.AsyncClient) -> None:
        start = time.monotonic()
        for tick in range(self.window.probes):
            due = start + tick * self.window.interval
            await asyncio.sleep(due - time.monotonic())
            for path in self.window.paths:
                probe = _Request(path, due)
                self.probes.append(probe)
                probe.send(client)

    async def _hold(self, seconds: float) -> None:
        """Hold the window open until all is answered, or for as long as it is worth watching."""
        await asyncio.wait([probe.task for probe in self.probes], timeout=seconds)

    async def _a_further_step(self) -> bool:
        """Wait until every job made one more step: so the loops ran while answers came."""
        before = {path: self._steps(path) for path in self.window.jobs}

        def all_stepped() -> bool:
            return all(self._steps(path) > steps for path, steps in before.items())

        def one_ended() -> bool:
            return any(loop.ended for loop in self._loops())

        await self._until(lambda: all_stepped() or one_ended())
        return all_stepped()

    async def _recover(self) -> bool:
        def all_ended() -> bool:
            # Again: a request that waited for the end of a freeze starts its loop only now.
            self.server.ledger.stop()
            answered = all(job.task.done() for job in self.jobs)
            return answered and all(loop.ended for loop in self._loops())

        ended = await self._until(all_ended)
        return await _finish([*self.jobs, *self.probes]) and ended

    async def _until(self, condition: Callable[[], bool]) -> bool:
        """Poll *condition*; return whether it came true within ``LIMIT`` and the server's life."""
        limit = time.monotonic() + LIMIT
        while not condition():
            if time.monotonic() > limit or self.server.ended:
                return False
            await asyncio.sleep(POLL)
        return True

    def _loops(self) -> list[Loop]:
        return self.server.ledger.loops(self.first)

    def _steps(self, path: str | None = None) -> int:
        return sum(loop.steps for loop in self._loops() if path in (None, loop.route))

    def _refuse_missing_routes(self) -> None:
        for request in [*self.jobs, *self.probes]:
            if request.answer is not None and request.answer.status == HTTPStatus.NOT_FOUND:
                raise RouteMissing(self.server.target, "GET", request.path)


def _failed(request: _Request) -> bool:
    return request.answer is not None and request.answer.status != HTTPStatus.OK


async def _finish(requests: list[_Request]) -> bool:
    """Wait for the requests; return whether all came to an end within ``LIMIT``."""
    tasks = [request.task for request in requests]
    if not tasks:
        return True
    done, pending = await asyncio.wait(tasks, timeout=LIMIT)
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending)
    for task in done:
        task.result()  # httpx's errors are answers; any other is a defect of ours
    return not pending
