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

from asgi_liveness.conformance.contract import State, Then, Window
from asgi_liveness.conformance.load import Load
from asgi_liveness.conformance.observation import Observation
from asgi_liveness.errors import RouteMissing
from asgi_liveness.probing.client import open_client
from asgi_liveness.probing.request import Request, finish, send_once
from asgi_liveness.probing.schedule import due_times, wait_until

if TYPE_CHECKING:
    import httpx

    from asgi_liveness.probing.response import Response
    from asgi_liveness.serving.server import Server

ALIVE_CAP: Final = 2.0
"""Seconds after the last probe until an app that must answer is given up. It bounds how long a
freeze is watched; the worst probe of a living app took 0.41 s in the trial of the engine."""
FROZEN_HOLD: Final = 0.25
"""Seconds after the last probe for which an app that must freeze is watched. In 2,025 windows of
living apps the first answer never took longer than 0.15 s."""
FEWEST: Final = 5
"""Probes that are sent even if the loops end before."""


async def watch(server: Server, window: Window) -> Observation:
    """Watch one window through. No loop of it runs on afterwards, unless ``recovered`` says so.

    Raises ``RouteMissing`` where a path of the window answers 404.
    """
    apart = window.then is Then.FAIL  # each side keeps to one connection, to see if it lives
    try:
        async with (
            open_client(server.url, 1 if window.one_connection or apart else None) as client,
            open_client(server.url, 1 if apart else None) as own,
        ):
            watching = _WindowRun(server, window, Load(server, window), len(server.log()))
            return await watching.through(client, client if window.one_connection else own)
    finally:
        server.ledger.stop()


@dataclass
class _WindowRun:
    server: Server
    window: Window
    jobs: Load
    logged: int
    """Characters in the server's log before the window."""
    probes: list[Request] = field(default_factory=list)
    told: dict[str, Response] = field(default_factory=dict)
    ended_after: float | None = None
    _ending: asyncio.Task[None] | None = None
    _answered: bool = False
    """The request that started the loop had been answered when the loop was made to fail."""

    async def through(self, client: httpx.AsyncClient, prober: httpx.AsyncClient) -> Observation:
        ledger, jobs = self.server.ledger, self.jobs
        running = await jobs.start(client)
        if running:
            await self._happen(client, prober)
        beats, steps = ledger.beats, jobs.steps()
        await self._send_probes(prober)
        await self._hold(running=running)
        if self.window.then is Then.NOTHING:
            running = running and await jobs.a_further_step()
        elif self.window.then is Then.FAIL and running:
            await self._fail_through(client)
        if self._ending is not None:
            self._ending.cancel()
        # Here it is judged. What comes after the stop proves nothing of the time before.
        judged_at = time.monotonic()
        beats, steps = ledger.beats - beats, jobs.steps() - steps
        loops = tuple(jobs.loops)
        ended = self.server.last_words() if self.server.ended else ""
        stopped = await jobs.stop()
        recovered = await finish(self.probes) and stopped
        self._refuse_missing_routes()
        return Observation(
            window=self.window,
            judged_at=judged_at,
            probes=tuple(probe.as_sent for probe in self.probes),
            jobs=tuple(request.as_sent for request in jobs.requests),
            loops=loops,
            steps=steps,
            kept_running=running,
            beats=beats,
            recovered=recovered,
            ended=ended,
            log=self._log(),
            told=self.told,
            ended_after=self.ended_after,
        )

    async def _happen(self, client: httpx.AsyncClient, prober: httpx.AsyncClient) -> None:
        """Let happen to the loops what the window is about; see ``Then``."""
        if self.window.then is Then.NOTHING:
            return
        self._ending = asyncio.create_task(self._time_the_end())
        if self.window.then is Then.LEAVE:
            for request in self.jobs.requests:
                await self._leave(request, client)
            await client.aclose()
        else:
            self.told["before"] = await send_once(prober, "GET", self.window.paths[0])
            # By now an answer that was sent before the loop's first step has come, too.
            self._answered = all(request.task.done() for request in self.jobs.requests)
            self.server.ledger.fail()

    async def _leave(self, request: Request, client: httpx.AsyncClient) -> None:
        """Leave a request; or ask for the job that it started, and stop it, twice."""
        if request.method == "POST":
            await finish([request])
        if request.response is None or not request.response.location:
            request.task.cancel()
            return
        for told in ("GET", "DELETE", "DELETE again"):
            method = told.partition(" ")[0]
            self.told[told] = await send_once(client, method, request.response.location)

    async def _time_the_end(self) -> None:
        began = time.monotonic()
        if await self.jobs.until(lambda: self.jobs.all_ended):
            self.ended_after = time.monotonic() - began

    async def _fail_through(self, client: httpx.AsyncClient) -> None:
        """Wait for the log; where the job had its answer before, use its connection again."""
        await self.jobs.until(lambda: self.jobs.all_ended and "LoopFailure" in self._log())
        if self._answered:
            self.told["again"] = await send_once(client, "GET", self.window.paths[0])

    async def _send_probes(self, client: httpx.AsyncClient) -> None:
        for tick, due in enumerate(due_times(self.window.probes, self.window.interval)):
            await wait_until(due)
            if self.ended_after is not None and tick >= FEWEST:
                break
            for path in self.window.paths:
                probe = Request(path, due)
                self.probes.append(probe)
                probe.send(client)

    async def _hold(self, *, running: bool) -> None:
        """Hold the window open until all is answered, or for as long as it is worth watching."""
        frozen = self.window.must_be is State.FROZEN or not running
        waiting = self.window.none_may_wait and self.jobs.unsettled
        seconds = FROZEN_HOLD if frozen or waiting else ALIVE_CAP
        await asyncio.wait([probe.task for probe in self.probes], timeout=seconds)

    def _log(self) -> str:
        return self.server.log()[self.logged :]

    def _refuse_missing_routes(self) -> None:
        for request in [*self.jobs.requests, *self.probes]:
            if request.response is not None and request.response.status == HTTPStatus.NOT_FOUND:
                raise RouteMissing(self.server.target, request.method, request.path)
