"""Clients that start loops, stop them and leave, at random, and what they saw.

The dice settle what they do, not how they meet.
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

VISITED: Final = ("/offloaded", "/streamed")  # their loops end with their clients
JOBS: Final = ("/supervised", "/process")
CLIENTS: Final = 6  # at once, beside the crowd
ACTS: Final = 4  # of each of them in a round
CROWD: Final = 10  # clients of a route that has room for eight
STAY: Final = 0.3  # seconds that a client stays at the most
REMEMBERED: Final = 1000  # ended jobs that the app remembers: until there are as many, it grows
LIMIT: Final = 30.0  # seconds for an answer


class NoAnswer(Exception):
    """A client waited for nothing."""


@dataclass
class Clients:
    """Those of one server."""

    server: Server
    dice: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    started: Counter[str] = field(default_factory=Counter)  # loops of this round, by route
    told: Counter[str] = field(default_factory=Counter)  # steps of stopped jobs, likewise
    longest: float = 0.0  # seconds that a probe waited
    over: bool = False

    def expect(self, holds: bool, otherwise: str) -> None:
        """Note a problem, unless it *holds*."""
        if not holds:
            self.problems.append(otherwise)

    async def guarded(self, act: Awaitable[None]) -> None:
        """Let a client meet no answer; the others go on."""
        try:
            await act
        except NoAnswer as problem:
            self.problems.append(str(problem))

    async def ask(self, client: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
        """Make one plain request."""
        try:
            async with asyncio.timeout(LIMIT):
                return await client.request(method, path)
        except (httpx.HTTPError, TimeoutError) as error:
            raise NoAnswer(f"no answer to {method} {path}: {type(error).__name__}") from error

    async def probe(self) -> None:
        """Ask for /hello all along, on one connection."""
        async with open_client(self.server.url, 1) as client:
            while not self.over:
                sent = time.monotonic()
                response = await self.ask(client, "GET", "/hello")
                self.longest = max(self.longest, time.monotonic() - sent)
                self.counts["probes"] += 1
                self.expect(response.status_code == HTTPStatus.OK, f"/hello: {response}")
                await asyncio.sleep(0.02)

    async def warm_up(self) -> None:
        """Let the app take what it keeps."""

        async def start_and_stop() -> None:
            async with open_client(self.server.url, 1) as client:
                for _ in range(REMEMBERED // CLIENTS + 1):
                    job = await self.ask(client, "POST", "/supervised")
                    await self.ask(client, "DELETE", job.headers["Location"])

        await asyncio.gather(*(self.guarded(start_and_stop()) for _ in range(CLIENTS)))
        for path in ("/offloaded", "/streamed", "/process"):
            await self.crowd(path)

    async def come(self) -> None:
        """Come and go: some, and a crowd beside them."""
        self.started.clear()
        self.told.clear()
        some = (self.guarded(self.acts()) for _ in range(CLIENTS))
        await asyncio.gather(*some, self.crowd(self.dice.choice(("/offloaded", "/process"))))

    async def crowd(self, path: str) -> None:
        """Let more clients come at once than there is room for."""
        await asyncio.gather(*(self.guarded(self.act(path)) for _ in range(CROWD)))

    async def acts(self) -> None:
        """Do this and that."""
        for _ in range(ACTS):
            await self.act(self.dice.choice(VISITED + JOBS))

    async def act(self, path: str) -> None:
        """Start a loop, stay a little, and leave it or stop it."""
        async with open_client(self.server.url, 1) as client:
            await (self.visit if path in VISITED else self.job)(client, path)

    def let_in(self, path: str, status: int | None, retry_after: str | None, then: str) -> bool:
        """Count a client: it was let in, or told to come again."""
        refused = status == HTTPStatus.SERVICE_UNAVAILABLE and bool(retry_after)
        self.counts[f"{path} {'refused' if refused else then}"] += 1
        self.started[path] += not refused
        return not refused

    async def visit(self, client: httpx.AsyncClient, path: str) -> None:
        """Start a loop that ends with its client, stay, and leave."""
        request = Request(path, time.monotonic())
        request.send(client)
        await asyncio.wait({request.task}, timeout=self.dice.uniform(0, STAY))
        ended, response = request.task.done(), request.response
        request.task.cancel()
        await asyncio.wait({request.task})
        status, retry_after = (response.status, response.retry_after) if response else (None, None)
        if self.let_in(path, status, retry_after, "left"):
            self.expect(not ended, f"{path} ended before its client left: {response}")

    async def job(self, client: httpx.AsyncClient, path: str) -> None:
        """Start a job, ask for it, and stop it, perhaps twice."""
        response = await self.ask(client, "POST", path)
        status, retry_after = response.status_code, response.headers.get("Retry-After")
        if not self.let_in(path, status, retry_after, "stopped"):
            return
        place = response.headers["Location"]
        await asyncio.sleep(self.dice.uniform(0, STAY))
        seen = (await self.ask(client, "GET", place)).json()
        self.expect(seen["state"] == "running", f"{path}: nobody stopped it, and it is {seen}")
        stopped = (await self.ask(client, "DELETE", place)).json()
        self.expect(stopped["state"] == "stopped", f"{path}: it was stopped, and is {stopped}")
        self.told[path] += stopped["steps"]
        if self.dice.random() < 1 / 2:
            again = (await self.ask(client, "DELETE", place)).json()
            self.expect(again == stopped, f"{path}: stopped again it is {again}, not {stopped}")
