"""Measure the cost of the watcher's heartbeat: a second with it, a second without it, and so on.

``nox -s heartbeat -- 60 --loop uvloop`` takes sixty pairs of seconds on one server. Run it on an
idle machine. To switch the heartbeat off, the app makes the watcher believe that the event loop has
stopped. The bench reads from the board whether the watcher's thread rests too, and prints it.
With ``--in-process`` the app itself enters and leaves ``asgi_liveness.watch_loop``.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import psutil

from asgi_liveness.inside.injected.layout import period
from asgi_liveness.probing.client import open_client
from asgi_liveness.serving.launched import Launched
from tools.tool import run_tool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    import httpx

    Message = MutableMapping[str, Any]

UVICORN: Final = "-m uvicorn --no-access-log --fd {{fd}} tools.bench.{}:app --loop {}"
METRICS: Final = "ASGI_LIVENESS_BENCH_METRICS"  # a variable that the app of the in-process form
MAX_STALL: Final = "ASGI_LIVENESS_BENCH_MAX_STALL"  # reads, and another
IN_PROCESS: Final = b"x-watches"  # the header that says whether the in-process form runs
SECONDS: Final = 1.0  # the length of a block
CONNECTIONS: Final = 8
GOAL: Final = 0.98  # the least rate with the heartbeat, as a part of the rate without
TAIL: Final = 0.025  # the probability on each side of the interval
START_LIMIT: Final = 10.0  # seconds for the first response
FEWEST: Final = 6  # pairs; fewer have no such interval
REQUEST: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
BODY: Final = b'{"Hello": "World"}'


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],  # noqa: ARG001 (ASGI)
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Respond; /off makes the watcher believe that the event loop has stopped, /on that it runs."""
    assert scope["type"] == "http"  # servers take the exception for "no lifespan here"
    loop = asyncio.get_running_loop()
    if scope["path"] in ("/on", "/off"):
        # The watcher replaces the first function by its own, which calls the second.
        asyncio._set_running_loop(loop if scope["path"] == "/on" else None)  # noqa: SLF001
        sys.modules["_asyncio"]._set_running_loop(loop)  # noqa: SLF001
    await respond(send)


async def respond(send: Callable[[Message], Awaitable[None]], *more: tuple[bytes, bytes]) -> None:
    """Send the response, with *more* headers."""
    headers = [(b"content-length", str(len(BODY)).encode()), *more]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


class Caller(asyncio.Protocol):
    """A client on one connection that repeats its request after each response."""

    responses = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        assert isinstance(transport, asyncio.Transport)
        self.transport, self._data = transport, b""
        transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        """Count a complete response, and send the next request."""
        self._data += data
        if self._data.endswith(BODY):
            self.responses += 1
            self._data = b""
            self.transport.write(REQUEST)


@dataclass
class Bench:
    """A busy server, and its requests a second with the heartbeat on and off."""

    server: Launched
    callers: list[Caller] = field(default_factory=list)
    rates: dict[str, list[float]] = field(default_factory=lambda: {"/on": [], "/off": []})
    watched: bool = False
    """Whether the watcher's thread ran while the heartbeat was off."""
    busy: float = 0.0
    """The part of the time for which the server ran; waits for callers would hide costs."""

    async def run(self, pairs: int) -> None:
        """Measure *pairs* of blocks; every second pair begins with the heartbeat off."""
        loop = asyncio.get_running_loop()
        async with open_client(self.server.url, 1) as switch:
            async with asyncio.timeout(START_LIMIT):
                await switch.get("/")  # the socket accepts it before the server runs
            for _ in range(CONNECTIONS):
                address = ("127.0.0.1", self.server.port)
                _, caller = await loop.create_connection(Caller, *address)
                self.callers.append(caller)
            await self._block("/on", switch)
            began, ran = time.monotonic(), self._ran()
            for number in range(pairs):
                for path in ("/off", "/on") if number % 2 else ("/on", "/off"):
                    self.rates[path].append(await self._block(path, switch))
            self.busy = (self._ran() - ran) / (time.monotonic() - began)
        for caller in self.callers:
            caller.transport.close()

    async def _block(self, path: str, switch: httpx.AsyncClient) -> float:
        """Return the rate of one block, with the heartbeat switched by *path*."""
        switched = (await switch.get(path)).raise_for_status()
        began, before = time.monotonic(), sum(caller.responses for caller in self.callers)
        await asyncio.sleep(SECONDS)
        responses = sum(caller.responses for caller in self.callers) - before
        seconds = time.monotonic() - began
        if self.server.board is None:
            beats = switched.headers[IN_PROCESS.decode()] == "1"
        else:
            (heartbeat,) = self.server.board.heartbeats()
            beats = heartbeat.beat_at > began + SECONDS / 2
            self.watched |= path == "/off" and heartbeat.watcher_ran_at > began + SECONDS / 2
        if beats != (path == "/on") or not responses:
            sys.exit(
                f"after {path} the heartbeat was {'on' if beats else 'off'}; {responses} responses"
            )
        return responses / seconds

    def _ran(self) -> float:
        """Return for how many seconds the server has run."""
        times = psutil.Process(self.server.pid).cpu_times()
        return float(times.user + times.system)

    def ratios(self) -> list[float]:
        """Return for each pair the rate with the heartbeat over the rate without it."""
        return [on / off for on, off in zip(self.rates["/on"], self.rates["/off"], strict=True)]


def rank(pairs: int) -> int:
    """Return the rank, from each end of the ordered ratios, that bounds the 95 % interval."""
    below, number = 0.0, 0
    while (below := below + math.comb(pairs, number) / 2**pairs) <= TAIL:
        number += 1
    return number


def interval(ratios: Sequence[float]) -> tuple[float, float]:
    """Return the interval that holds the median with a probability of at least 95 %."""
    ordered, number = sorted(ratios), rank(len(ratios))
    return ordered[number - 1], ordered[-number]


def main() -> int:
    """Measure, and return 1 if the whole interval lies below the goal."""
    parser = argparse.ArgumentParser(prog="nox -s heartbeat --", description=__doc__)
    parser.add_argument("pairs", type=int, nargs="?", default=60, help="pairs of seconds (60)")
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    parser.add_argument("--max-stall", type=float, default=200, metavar="MS", help="(200)")
    parser.add_argument("--in-process", action="store_true", help="the form for a lifespan")
    parser.add_argument("--metrics", choices=("prometheus", "opentelemetry"), help="and counting")
    args = parser.parse_args()
    if args.pairs < FEWEST:
        parser.error(f"{args.pairs} pairs are too few for an interval; give {FEWEST} or more")
    max_stall = args.max_stall / 1000
    os.environ[METRICS], os.environ[MAX_STALL] = args.metrics or "", str(max_stall)
    module = "in_process" if args.in_process else "heartbeat"
    command = (sys.executable, *UVICORN.format(module, args.loop).split())
    with Launched(command, max_stall=None if args.in_process else max_stall) as server:
        bench = Bench(server)
        asyncio.run(bench.run(args.pairs))
    low, high = interval(bench.ratios())
    on, off = (statistics.median(bench.rates[path]) for path in ("/on", "/off"))
    thread = "ran on" if bench.watched else "rested"
    form = ", in process" if args.in_process else ""
    print(
        f"{args.loop}{form}, a beat every {period(max_stall) * 1000:g} ms: {on:.0f} requests a "
        f"second with it, {off:.0f} without; the median ratio of {args.pairs} pairs is "
        f"{statistics.median(bench.ratios()):.3f}, its 95 % interval {low:.3f} to {high:.3f}\n"
        f"  without it the watcher's thread {thread}; the server was busy for {bench.busy:.0%} of "
        f"the time"
    )
    if high >= GOAL:
        return 0
    print(f"the goal is missed: the whole interval lies below {GOAL}")
    return 1


if __name__ == "__main__":
    run_tool(main)
