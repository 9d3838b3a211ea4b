"""Clients that start and stop loops and disconnect, at random, and the problems that they note.

A seed fixes the clients' actions, but not the order in which they meet.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import httpx

from asgi_liveness.probing.client import open_client
from asgi_liveness.probing.request import Request

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable

    from asgi_liveness.serving.server import Server

VISITED: Final = ("/offloaded", "/streamed")  # the loop ends when its client disconnects
JOBS: Final = ("/supervised", "/process")
CLIENTS: Final = 6  # clients at once, without the crowd
ACTS: Final = 4  # actions of each client in a round
CROWD: Final = 10  # clients of a route that has room for eight
STAY: Final = 0.3  # seconds that a client stays connected, at most
REMEMBERED: Final = 1000  # ended jobs that the app remembers; until it has so many, it grows
LIMIT: Final = 30.0  # seconds for a response


class NoResponse(Exception):
    """A request without a response."""


@dataclass
class Clients:
    """The clients of one server."""

    server: Server
    dice: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    started: Counter[str] = field(default_factory=Counter)  # loops in this round, by route
    reported: Counter[str] = field(default_factory=Counter)  # steps of stopped jobs, by route
    longest: float = 0.0  # seconds that a probe waited
    over: bool = False

    def expect(self, holds: bool, otherwise: str) -> None:
        """Note the problem *otherwise*, unless *holds*."""
        if not holds:
            self.problems.append(otherwise)

    async def guarded(self, act: Awaitable[None]) -> None:
        """Run one client's action; note a missing response, so that the other clients continue."""
        try:
            await act
        except NoResponse as problem:
            self.problems.append(str(problem))

    async def request(self, client: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
        """Send one plain request. Raises ``NoResponse``."""
        try:
            async with asyncio.timeout(LIMIT):
                return await client.request(method, path)
        except (httpx.HTTPError, TimeoutError) as error:
            raise NoResponse(f"no response to {method} {path}: {type(error).__name__}") from error

    async def probe(self) -> None:
        """Probe /hello until the end, on one connection."""
        async with open_client(self.server.url, 1) as client:
            while not self.over:
                sent = time.monotonic()
                response = await self.request(client, "GET", "/hello")
                self.longest = max(self.longest, time.monotonic() - sent)
                self.counts["probes"] += 1
                self.expect(response.status_code == HTTPStatus.OK, f"/hello: {response}")
                await asyncio.sleep(0.02)

    async def warm_up(self) -> None:
        """Fill the app's memory of ended jobs, so that it grows no more."""

        async def start_and_stop() -> None:
            async with open_client(self.server.url, 1) as client:
                for _ in range(REMEMBERED // CLIENTS + 1):
                    job = await self.request(client, "POST", "/supervised")
                    await self.request(client, "DELETE", job.headers["Location"])

        await asyncio.gather(*(self.guarded(start_and_stop()) for _ in range(CLIENTS)))
        for path in ("/offloaded", "/streamed", "/process"):
            await self.crowd(path)

    async def round(self) -> None:
        """Run one round: some clients, and a crowd at the same time."""
        self.started.clear()
        self.reported.clear()
        clients = (self.guarded(self.acts()) for _ in range(CLIENTS))
        await asyncio.gather(*clients, self.crowd(self.dice.choice(("/offloaded", "/process"))))

    async def crowd(self, path: str) -> None:
        """Start more clients at once than the route has room for."""
        await asyncio.gather(*(self.guarded(self.act(path)) for _ in range(CROWD)))

    async def acts(self) -> None:
        """Run a client's actions of one round."""
        for _ in range(ACTS):
            await self.act(self.dice.choice(VISITED + JOBS))

    async def act(self, path: str) -> None:
        """Start a loop, stay for a while, and disconnect or stop it."""
        async with open_client(self.server.url, 1) as client:
            await (self.visit if path in VISITED else self.job)(client, path)

    def accepted(self, path: str, status: int | None, retry_after: str | None, then: str) -> bool:
        """Count a client; return whether the app accepted it, and did not answer 503."""
        refused = status == HTTPStatus.SERVICE_UNAVAILABLE and bool(retry_after)
        self.counts[f"{path} {'refused' if refused else then}"] += 1
        self.started[path] += not refused
        return not refused

    async def visit(self, client: httpx.AsyncClient, path: str) -> None:
        """Start a loop that ends with its client, stay, and disconnect."""
        request = Request(path, time.monotonic())
        request.send(client)
        await asyncio.wait({request.task}, timeout=self.dice.uniform(0, STAY))
        ended, response = request.task.done(), request.response
        request.task.cancel()
        await asyncio.wait({request.task})
        status, retry_after = (response.status, response.retry_after) if response else (None, None)
        if self.accepted(path, status, retry_after, "disconnected"):
            self.expect(not ended, f"{path} ended before its client disconnected: {response}")

    async def job(self, client: httpx.AsyncClient, path: str) -> None:
        """Start a job, read its state, and stop it, perhaps twice."""
        response = await self.request(client, "POST", path)
        status, retry_after = response.status_code, response.headers.get("Retry-After")
        if not self.accepted(path, status, retry_after, "stopped"):
            return
        location = response.headers["Location"]
        await asyncio.sleep(self.dice.uniform(0, STAY))
        state = (await self.request(client, "GET", location)).json()
        self.expect(state["state"] == "running", f"{path}: no client stopped it, and it is {state}")
        stopped = (await self.request(client, "DELETE", location)).json()
        self.expect(stopped["state"] == "stopped", f"{path}: it was stopped, and is {stopped}")
        self.reported[path] += stopped["steps"]
        if self.dice.random() < 1 / 2:
            again = (await self.request(client, "DELETE", location)).json()
            self.expect(again == stopped, f"{path}: stopped again it is {again}, not {stopped}")
