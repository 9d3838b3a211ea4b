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

from asgi_liveness.asking import LIMIT, Request, finish, tell
from asgi_liveness.contract import State, Then, Window, route
from asgi_liveness.errors import RouteMissing
from asgi_liveness.verdict import Answer, Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from asgi_liveness.ledger import Loop
    from asgi_liveness.serving import Server

ALIVE_CAP: Final = 2.0
"""Seconds after the last probe until an app that must answer is given up. It bounds how long a
freeze is watched; the worst probe of a living app took 0.41 s in the trial of the engine."""
FROZEN_HOLD: Final = 0.25
"""Seconds after the last probe for which an app that must freeze is watched. In 2,025 windows of
living apps the first answer never took longer than 0.15 s."""
QUIET: Final = 2.0
"""Seconds without a further loop or refusal after which no more of many jobs will start."""
START_LIMIT: Final = 10.0
"""Seconds for the first steps of all jobs that were accepted: eight processes that start on two
busy cores take several."""
FEWEST: Final = 5
"""Probes that are sent even if the loops end before."""
POLL: Final = 0.001  # seconds


async def watch(server: Server, window: Window) -> Seen:
    """Watch one window through. No loop of it runs on afterwards, unless ``recovered`` says so.

    Raises ``RouteMissing`` where a path of the window answers 404.
    """
    apart = window.then is Then.FAIL  # each side keeps to one connection, to see if it lives
    try:
        async with (
            server.client(1 if window.one_connection or apart else None) as jobs,
            server.client(1 if apart else None) as own,
        ):
            watching = _Watching(server, window, server.ledger.taken, len(server.log()))
            return await watching.through(jobs, jobs if window.one_connection else own)
    finally:
        server.ledger.stop()


@dataclass
class _Watching:
    server: Server
    window: Window
    first: int
    """The number of the first ledger slot that a loop of this window can have."""
    logged: int
    """Characters in the server's log before the window."""
    jobs: list[Request] = field(default_factory=list)
    probes: list[Request] = field(default_factory=list)
    told: dict[str, Answer] = field(default_factory=dict)
    ended_after: float | None = None
    _ending: asyncio.Task[None] | None = None
    _answered: bool = False
    """The request that started the loop had been answered when the loop was made to fail."""

    async def through(self, client: httpx.AsyncClient, prober: httpx.AsyncClient) -> Seen:
        ledger = self.server.ledger
        must_freeze = self.window.must_be is State.FROZEN
        start = self._start_at_once if self.window.at_once else self._start_jobs
        running = await start(client)
        if running:
            await self._happen(client, prober)
        beats, steps = ledger.beats, self._steps()
        await self._send_probes(prober)
        short = must_freeze or not running or self._unsettled()
        await self._hold(FROZEN_HOLD if short else ALIVE_CAP)
        if self.window.then is Then.NOTHING:
            running = running and await self._a_further_step()
        elif self.window.then is Then.FAIL and running:
            await self._fail_through(client)
        if self._ending is not None:
            self._ending.cancel()
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
            probes=tuple(probe.seen for probe in self.probes),
            jobs=tuple(job.seen for job in self.jobs),
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

    async def _start_jobs(self, client: httpx.AsyncClient) -> bool:
        """Start the jobs one by one; return whether each made a first step."""
        for path in self.window.jobs:
            self._send_job(client, path)
            if not await self._first_step(self.jobs[-1]):
                return False
        return True

    async def _start_at_once(self, client: httpx.AsyncClient) -> bool:
        """Start the jobs together; return if a loop steps, once none more is to be waited for."""
        for path in self.window.jobs:
            self._send_job(client, path)
        before, since = len(self.jobs), time.monotonic()
        while (left := self._unsettled()) and time.monotonic() < since + QUIET:
            if left != before:
                before, since = left, time.monotonic()
            await asyncio.sleep(POLL)
        await self._until(lambda: self._stepping() >= self._accepted(), START_LIMIT)
        return self._steps() > 0

    def _unsettled(self) -> int:
        """How many of the jobs started at once make no step and were neither refused nor accepted.

        A job that is accepted will step: a process takes its time to start.
        """
        if not self.window.at_once:
            return 0
        return len(self.jobs) - self._refused() - max(self._stepping(), self._accepted())

    def _accepted(self) -> int:
        return sum(1 for job in self.jobs if job.answer and job.answer.location)

    def _stepping(self) -> int:
        return sum(1 for loop in self._loops() if loop.steps)

    def _send_job(self, client: httpx.AsyncClient, path: str) -> None:
        self.jobs.append(Request(path, time.monotonic(), route(path).method))
        self.jobs[-1].send(client)

    async def _first_step(self, job: Request) -> bool:
        # An answer that is no success will not be followed by a step.
        await self._until(lambda: self._steps(job.path) > 0 or _refused(job))
        return self._steps(job.path) > 0

    async def _happen(self, client: httpx.AsyncClient, prober: httpx.AsyncClient) -> None:
        """Let happen to the loops what the window is about; see ``Then``."""
        if self.window.then is Then.NOTHING:
            return
        self._ending = asyncio.create_task(self._time_the_end())
        if self.window.then is Then.LEAVE:
            for job in self.jobs:
                if job.method == "POST":
                    await finish([job])
                if job.answer and job.answer.location:
                    for told in ("GET", "DELETE", "DELETE again"):
                        method = told.partition(" ")[0]
                        self.told[told] = await tell(client, method, job.answer.location)
                else:
                    job.task.cancel()
            await client.aclose()
        else:
            self.told["before"] = await tell(prober, "GET", self.window.paths[0])
            # By now an answer that was sent before the loop's first step has come, too.
            self._answered = any(job.task.done() for job in self.jobs)
            self.server.ledger.fail()

    async def _time_the_end(self) -> None:
        began = time.monotonic()
        if await self._until(self._all_ended):
            self.ended_after = time.monotonic() - began

    async def _fail_through(self, client: httpx.AsyncClient) -> None:
        """Wait for the log; where the job had its answer before, use its connection again."""
        await self._until(lambda: self._all_ended() and "LoopFailure" in self._log())
        if self._answered:
            self.told["again"] = await tell(client, "GET", self.window.paths[0])

    async def _send_probes(self, client: httpx.AsyncClient) -> None:
        start = time.monotonic()
        for tick in range(self.window.probes):
            due = start + tick * self.window.interval
            await asyncio.sleep(due - time.monotonic())
            if self.ended_after is not None and tick >= FEWEST:
                break
            for path in self.window.paths:
                probe = Request(path, due)
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
            # Again: a request that waited for the end of a freeze, or for a thread, starts its
            # loop only now.
            self.server.ledger.stop()
            answered = all(job.task.done() for job in self.jobs)
            coming = len(self.jobs) - self._refused() if self.window.at_once else 0
            return answered and len(self._loops()) >= coming and self._all_ended()

        ended = await self._until(all_ended)
        return await finish([*self.jobs, *self.probes]) and ended

    async def _until(self, condition: Callable[[], bool], seconds: float = LIMIT) -> bool:
        """Poll *condition*; return whether it came true within *seconds* and the server's life."""
        limit = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > limit or self.server.ended:
                return False
            await asyncio.sleep(POLL)
        return True

    def _loops(self) -> list[Loop]:
        return self.server.ledger.loops(self.first)

    def _steps(self, path: str | None = None) -> int:
        return sum(loop.steps for loop in self._loops() if path in (None, loop.route))

    def _all_ended(self) -> bool:
        return all(loop.ended for loop in self._loops())

    def _refused(self) -> int:
        return sum(map(_refused, self.jobs))

    def _log(self) -> str:
        return self.server.log()[self.logged :]

    def _refuse_missing_routes(self) -> None:
        for request in [*self.jobs, *self.probes]:
            if request.answer is not None and request.answer.status == HTTPStatus.NOT_FOUND:
                raise RouteMissing(self.server.target, request.method, request.path)


def _refused(request: Request) -> bool:
    return request.answer is not None and request.answer.refused
