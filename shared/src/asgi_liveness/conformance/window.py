"""One window: start the loops, send probes on schedule, judge, and only then stop the loops.

The rule: probes leave on schedule, whether or not earlier probes were answered (open loop), so a
freeze cannot delay the prober and hide itself. A wait counts from the due time of a probe.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance.contract import State, Then, Window
from asgi_liveness.conformance.load import Load
from asgi_liveness.conformance.location import address_of
from asgi_liveness.conformance.observation import Observation
from asgi_liveness.errors import RouteMissing
from asgi_liveness.probing.client import open_client
from asgi_liveness.probing.request import Request, finish, send_once
from asgi_liveness.probing.schedule import due_times, wait_until
from asgi_liveness.serving.others import use

if TYPE_CHECKING:
    import httpx

    from asgi_liveness.probing.response import Response
    from asgi_liveness.serving.server import Server

ALIVE_CAP: Final = 2.0
"""Seconds that an app which must answer gets after the last probe. The slowest probe of a living
app took 0.41 s (trial of the engine)."""
FROZEN_HOLD: Final = 0.25
"""Seconds that an app which must freeze gets after the last probe. In 2,025 windows of living apps
the first response never took longer than 0.15 s."""
_SLOWER: Final = 3
"""Times the idle app's longest wait that an app which must freeze gets, at least: on a busy machine
it may only be slow."""
MIN_PROBES: Final = 5
"""Probes of each path that leave even if the loops end earlier."""


def frozen_hold(idle_wait: float) -> float:
    """Return the seconds that an app which must freeze gets after the last probe.

    *idle_wait*: the seconds that the idle app's slowest response took.
    """
    return min(max(FROZEN_HOLD, _SLOWER * idle_wait), ALIVE_CAP)


async def watch(server: Server, window: Window, idle_wait: float = 0.0) -> Observation:
    """Observe one window. Afterwards none of its loops runs, unless ``recovered`` is false.

    *idle_wait*: the seconds that the idle app's slowest response took.
    Raises ``RouteMissing`` if a path of the window responds with 404.
    """
    apart = window.then is Then.FAIL  # load and probes use one connection each, to see if it stays
    try:
        async with (
            open_client(server.url, 1 if window.one_connection or apart else None) as client,
            open_client(server.url, 1 if apart else None) as own,
        ):
            watching = _WindowRun(server, window, Load(server, window), server.logs(), idle_wait)
            return await watching.through(client, client if window.one_connection else own)
    finally:
        server.ledger.stop()


@dataclass
class _WindowRun:
    server: Server
    window: Window
    load: Load
    logged: tuple[str, str]
    """The logs of the server and its worker before the window."""
    idle_wait: float = 0.0
    """Seconds that the idle app's slowest response took."""
    probes: list[Request] = field(default_factory=list)
    followups: dict[str, Response] = field(default_factory=dict)
    ended_after: float | None = None
    steps_at: list[int] = field(default_factory=list)
    """The steps of the loops at each tick."""
    _ending: asyncio.Task[None] | None = None
    _answered: bool = False
    """Whether the request that started the loop had its response before the loop failed."""

    async def through(self, client: httpx.AsyncClient, prober: httpx.AsyncClient) -> Observation:
        ledger, load = self.server.ledger, self.load
        running = await load.start(client)
        if running:
            await self._act(client, prober)
        beats, steps, used = ledger.beats, load.steps(), use(self.server.members())
        await self._send_probes(prober)
        await self._hold(running=running)
        if self.window.then is Then.NOTHING:
            running = running and await load.one_more_step()
        elif self.window.then is Then.FAIL and running:
            await self._fail_through(client)
        if self._ending is not None:
            self._ending.cancel()
        # This is the moment of judgement. Responses after the stop prove nothing about the time
        # before.
        judged_at = time.monotonic()
        beats, steps = ledger.beats - beats, load.steps() - steps
        others = use(self.server.members()).others(used)
        loops = tuple(load.loops)
        ended = self.server.last_words() if self.server.ended else ""
        stopped = await load.stop()
        recovered = await finish(self.probes) and stopped
        self._refuse_missing_routes()
        return Observation(
            window=self.window,
            judged_at=judged_at,
            probes=tuple(probe.as_sent for probe in self.probes),
            load=tuple(request.as_sent for request in load.requests),
            loops=loops,
            steps=steps,
            kept_running=running,
            beats=beats,
            recovered=recovered,
            ended=ended,
            log=self._log(),
            followups=self.followups,
            ended_after=self.ended_after,
            steps_at=tuple(self.steps_at),
            others=others,
        )

    async def _act(self, client: httpx.AsyncClient, prober: httpx.AsyncClient) -> None:
        """Do to the loops what the window tests; see ``Then``."""
        if self.window.then is Then.NOTHING:
            return
        self._ending = asyncio.create_task(self._time_the_end())
        if self.window.then is Then.DISCONNECT:
            for request in self.load.requests:
                await self._disconnect(request, client)
            await client.aclose()
        else:
            self.followups["before"] = await send_once(prober, "GET", self.window.paths[0])
            # A response that was sent before the loop's first step has arrived by now, too.
            self._answered = all(request.task.done() for request in self.load.requests)
            self.server.ledger.fail()

    async def _disconnect(self, request: Request, client: httpx.AsyncClient) -> None:
        """Cancel a request; or, if it started a job, ask for it, stop it, and stop it again."""
        if request.method == "POST":
            await finish([request])
        location = request.response.location if request.response else ""
        address = address_of(location, self.server.url, request.path)
        if not address:
            request.task.cancel()
            return
        for name, at in (
            ("GET all", request.path),
            ("GET", address),
            ("DELETE", address),
            ("DELETE again", address),
        ):
            self.followups[name] = await send_once(client, name.partition(" ")[0], at)

    async def _time_the_end(self) -> None:
        began = time.monotonic()
        if await self.load.until(lambda: self.load.all_ended):
            self.ended_after = time.monotonic() - began

    async def _fail_through(self, client: httpx.AsyncClient) -> None:
        """Wait for the exception in the log; use the load's connection again if it was answered."""
        await self.load.until(lambda: self.load.all_ended and "LoopFailure" in self._log())
        if self._answered:
            self.followups["again"] = await send_once(client, "GET", self.window.paths[0])

    async def _send_probes(self, client: httpx.AsyncClient) -> None:
        for tick, due in enumerate(due_times(self.window.probes, self.window.interval)):
            await wait_until(due)
            if self.ended_after is not None and tick >= MIN_PROBES:
                break
            self.steps_at.append(self.load.steps())
            for path in self.window.paths:
                probe = Request(path, due)
                self.probes.append(probe)
                probe.send(client)

    async def _hold(self, *, running: bool) -> None:
        """Keep the window open until all probes are answered, or until its limit."""
        frozen = self.window.must_be is State.FROZEN or not running
        waiting = self.window.none_may_wait and self.load.unsettled
        seconds = frozen_hold(self.idle_wait) if frozen or waiting else ALIVE_CAP
        await asyncio.wait([probe.task for probe in self.probes], timeout=seconds)

    def _log(self) -> str:
        pairs = zip(self.logged, self.server.logs(), strict=True)
        # A log whose middle the keeper has cut out does not begin as before: all of it counts.
        return "".join(log.removeprefix(before) for before, log in pairs)

    def _refuse_missing_routes(self) -> None:
        for request in [*self.load.requests, *self.probes]:
            if request.response is not None and request.response.status == HTTPStatus.NOT_FOUND:
                raise RouteMissing(self.server.target, request.method, request.path)
