"""Serve for a second with the watcher's heartbeat on, for another with it off: what does it cost?

``nox -s heartbeat -- 60 --loop uvloop``: sixty pairs of seconds in one server. Run it on an idle
machine. Off, the event loop is told to have stopped, as far as the watcher knows: it does not beat
then. Whether the thread beside it rests as well is seen on the board, and said.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import psutil

from asgi_liveness.inside.injected.sitecustomize import period
from asgi_liveness.probing.client import open_client
from asgi_liveness.serving.launched import Launched

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    import httpx

    Message = MutableMapping[str, Any]

UVICORN: Final = "-m uvicorn --no-access-log --fd {fd} tools.bench.heartbeat:app --loop"
SECONDS: Final = 1.0  # of a block
CONNECTIONS: Final = 8
GOAL: Final = 0.98  # of the requests without it
TAIL: Final = 0.025  # of all draws lies on each side of the interval
START_LIMIT: Final = 10.0  # seconds
FEWEST: Final = 6  # pairs with such an interval
REQUEST: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
ANSWER: Final = b'{"Hello": "World"}'


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],  # noqa: ARG001 (ASGI)
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answer; and tell the watcher that the loop has stopped, or that it is about to run."""
    assert scope["type"] == "http"  # servers take the exception for "no lifespan here"
    loop = asyncio.get_running_loop()
    if scope["path"] in ("/on", "/off"):
        # The first is what the watcher listens to, the second is what it calls.
        asyncio._set_running_loop(loop if scope["path"] == "/on" else None)  # noqa: SLF001
        sys.modules["_asyncio"]._set_running_loop(loop)  # noqa: SLF001
    headers = [(b"content-length", str(len(ANSWER)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})


class Caller(asyncio.Protocol):
    """A client on one connection, which asks again as soon as it is answered."""

    answers = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert isinstance(transport, asyncio.Transport)
        self.transport, self._answer = transport, b""
        transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        """Count, and ask again."""
        self._answer += data
        if self._answer.endswith(ANSWER):
            self.answers += 1
            self._answer = b""
            self.transport.write(REQUEST)


@dataclass
class Bench:
    """A server that its callers keep busy, and the requests a second with the heartbeat on, off."""

    server: Launched
    callers: list[Caller] = field(default_factory=list)
    rates: dict[str, list[float]] = field(default_factory=lambda: {"/on": [], "/off": []})
    watched: bool = False
    """The watcher's thread had turns while the heartbeat was off."""
    busy: float = 0.0
    """The part of the time for which the server ran; one that waits for callers hides costs."""

    async def run(self, pairs: int) -> None:
        """Take *pairs* of blocks; every other one begins with the heartbeat off."""
        loop = asyncio.get_running_loop()
        async with open_client(self.server.url, 1) as switch:
            async with asyncio.timeout(START_LIMIT):
                await switch.get("/")  # the socket listens from the start
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
        """Return the rate of one block, in which the heartbeat was what *path* says."""
        (await switch.get(path)).raise_for_status()
        began, before = time.monotonic(), sum(caller.answers for caller in self.callers)
        await asyncio.sleep(SECONDS)
        answers = sum(caller.answers for caller in self.callers) - before
        seconds = time.monotonic() - began
        assert self.server.board is not None
        (heartbeat,) = self.server.board.heartbeats()
        beats = heartbeat.beat_at > began + SECONDS / 2
        if beats != (path == "/on") or not answers:
            sys.exit(f"after {path} it {'beat' if beats else 'did not beat'}; {answers} answers")
        self.watched |= path == "/off" and heartbeat.watcher_ran_at > began + SECONDS / 2
        return answers / seconds

    def _ran(self) -> float:
        times = psutil.Process(self.server.pid).cpu_times()
        return float(times.user + times.system)

    def ratios(self) -> list[float]:
        """Return the rate with it on over that with it off, for each pair."""
        return [on / off for on, off in zip(self.rates["/on"], self.rates["/off"], strict=True)]


def rank(pairs: int) -> int:
    """Return which from each end of the ordered ratios bound the median's 95 % interval."""
    below, number = 0.0, 0
    while (below := below + math.comb(pairs, number) / 2**pairs) <= TAIL:
        number += 1
    return number


def interval(ratios: Sequence[float]) -> tuple[float, float]:
    """Return the interval in which the median lies with 95 % certainty, or some more."""
    ordered, number = sorted(ratios), rank(len(ratios))
    return ordered[number - 1], ordered[-number]


def main() -> int:
    """Measure, and return 1 if the whole interval lies below the goal."""
    parser = argparse.ArgumentParser(prog="nox -s heartbeat --", description=__doc__)
    parser.add_argument("pairs", type=int, nargs="?", default=60, help="of seconds (60)")
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    parser.add_argument("--max-stall", type=float, default=200, metavar="MS", help="(200)")
    args = parser.parse_args()
    if args.pairs < FEWEST:
        parser.error(f"{args.pairs} pairs say too little; take {FEWEST} or more")
    max_stall = args.max_stall / 1000
    command = (sys.executable, *UVICORN.split(), args.loop)
    with Launched(command, max_stall=max_stall) as server:
        bench = Bench(server)
        asyncio.run(bench.run(args.pairs))
    low, high = interval(bench.ratios())
    on, off = (statistics.median(bench.rates[path]) for path in ("/on", "/off"))
    off_were = "alone: the thread went on" if bench.watched else "and the thread beside"
    print(
        f"{args.loop}, a beat every {period(max_stall) * 1000:g} ms: {on:.0f} requests a second "
        f"with it, {off:.0f} without; the ratio's median of {args.pairs} pairs is "
        f"{statistics.median(bench.ratios()):.3f}, its 95 % interval {low:.3f} to {high:.3f}\n"
        f"  off were the beats {off_were}; the server was busy for {bench.busy:.0%} of the time"
    )
    if high >= GOAL:
        return 0
    print(f"the goal is missed: the whole interval lies below {GOAL}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
