"""Stall a watched app in many ways for minutes: does it survive, and does its memory stay small?

``nox -s stall_soak -- 5`` takes five minutes on each supported Python, with asyncio and uvloop at
the same time and with the most frequent samples. It reads the app's process in /proc: Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from asgi_liveness.checking.options import Options
from asgi_liveness.checking.served import App
from asgi_liveness.errors import TargetError
from asgi_liveness.probing.client import open_client
from asgi_liveness.stalls.sampler import Sampler
from tools.apps.stalling import KINDS
from tools.tool import run_tool

WORDS: Final = ("at", "collected", "ended", "request")  # a line of each kind has one of them
TARGET: Final = "tools.apps.stalling:app"
MAX_STALL: Final = 0.005  # seconds
STALLS: Final = (3, 60)  # milliseconds: the shortest stall and the longest
CLIENTS: Final = 3
REST: Final = 0.01  # seconds between two requests of a client
LIMIT: Final = 30.0  # seconds for a response
WARM: Final = 0.1  # the part of the time before the memory is first measured
GROWTH: Final = 16  # MiB; the allocator of an app that keeps nothing varies by less


@dataclass
class StalledServer:
    """A watched server with its clients, and the counts and problems of its run."""

    app: App
    dice: random.Random
    requests: Counter[str] = field(default_factory=Counter)
    lines: Counter[str] = field(default_factory=Counter)
    """The lines that the process wrote, by their kind, and its samples by the kind of stall."""
    problems: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)  # MiB
    written: int = 0  # bytes
    dumps: int = 0
    _oldest: float | None = None  # when the unanswered probe was sent

    async def run(self, seconds: float) -> None:
        """Stall the app for *seconds*; then check that the same process runs and responds."""
        until = time.monotonic() + seconds
        await self.app.wait_until_ready("/hello")
        assert self.app.board is not None
        first = {heartbeat.process for heartbeat in self.app.board.heartbeats()}
        sampler = Sampler(self.app.board, {self.app.pid}, self._waiting)
        sampling = asyncio.create_task(sampler.sample())
        tasks = [self._stall(until) for _ in range(CLIENTS)]
        await asyncio.gather(self._probe(until), self._weigh(seconds * WARM), *tasks)
        sampling.cancel()
        (stopped,) = await asyncio.gather(sampling, return_exceptions=True)
        if isinstance(stopped, Exception):
            raise stopped
        async with open_client(self.app.url, 1) as client:
            await self._request(client, "/hello")
        last = {heartbeat.process for heartbeat in self.app.board.heartbeats()}
        self._count()
        self.dumps, refused = sum(bool(each.stack) for each in sampler.samples), sampler.refused
        if self.problems:  # the checks below hold only without one
            return
        self.memory.append(self._memory())
        grown, unsampled = self.memory[-1] - self.memory[0], KINDS.keys() - self.lines.keys()
        same = first == last == {self.app.pid}
        words = f"process {self.app.pid} started, {first} had a heartbeat first and {last} at last"
        self._expect(same, words)
        self._expect(self.dumps > 0, f"py-spy took no sample: {refused or 'it was never needed'}")
        self._expect(grown <= GROWTH, f"memory grew by {grown} MiB")
        self._expect(not unsampled, f"no sample shows {', '.join(sorted(unsampled))}")

    def _expect(self, holds: bool, otherwise: str) -> None:
        """Note the problem *otherwise*, once, unless *holds*."""
        if not holds and otherwise not in self.problems:
            self.problems.append(otherwise)

    async def _stall(self, until: float) -> None:
        """Request stalls of random kinds and lengths."""
        async with open_client(self.app.url, 1) as client:
            while time.monotonic() < until and not self.problems:
                kind = self.dice.choice(list(KINDS))
                await self._request(client, f"/{kind}?ms={self.dice.uniform(*STALLS):.1f}")
                self.requests[kind] += 1
                await asyncio.sleep(self.dice.uniform(0, REST))

    async def _probe(self, until: float) -> None:
        """Probe /hello; pause for ``REST`` after each response."""
        async with open_client(self.app.url, 1) as client:
            while time.monotonic() < until and not self.problems:
                self._oldest = time.monotonic()
                await self._request(client, "/hello")
                self._oldest = None
                await asyncio.sleep(REST)

    async def _weigh(self, seconds: float) -> None:
        """Measure the memory for the first time after *seconds*."""
        await asyncio.sleep(seconds)
        if not self.app.ended:
            self.memory.append(self._memory())

    async def _request(self, client: httpx.AsyncClient, path: str) -> None:
        """Send a request; without a good response note the problem, which ends all clients."""
        try:
            async with asyncio.timeout(LIMIT):
                (await client.get(path)).raise_for_status()
        except (httpx.HTTPError, TimeoutError) as error:
            await asyncio.sleep(REST)  # a process takes a moment to end
            self._expect(self.app.ended, f"no good response to {path}: {error!r}")
            words = f"the server ended with {self.app.exit_code}: {self.app.last_words()}"
            self._expect(not self.app.ended, words)

    def _waiting(self) -> float:
        return time.monotonic() - self._oldest if self._oldest else 0.0

    def _memory(self) -> int:
        """Return the process's own memory in MiB, without the pages of the board."""
        status = Path(f"/proc/{self.app.pid}/status").read_text()
        return int((status.partition("RssAnon:")[2].split() or ["0"])[0]) // 1024

    def _count(self) -> None:
        """Count the lines that the process wrote, one by one: the files may be long."""
        for path in self.app.group.folder.glob("samples.*"):
            self.written += path.stat().st_size
            with path.open("rb") as file:
                for line in map(json.loads, (line for line in file if line.endswith(b"\n"))):
                    self.lines[next(word for word in WORDS if word in line)] += 1
                    self.lines.update(
                        {function for *_, function in line.get("frames", ())} & KINDS.keys()
                    )


async def soak(loop: str, seconds: float, dice: random.Random) -> bool:
    """Soak one server for *seconds*, print the counts, and return whether it had no problem."""
    with App(Options(TARGET, loop=loop, max_stall=MAX_STALL)) as app:
        run = StalledServer(app, dice)
        try:
            await run.run(seconds)
        except TargetError as error:
            run.problems.append(str(error))
        lines = run.lines
        print(
            f"Python {platform.python_version()}, {loop}: process {app.pid}, "
            f"{run.requests.total()} requests, {lines['ended']} stalls, {lines['at']} samples, "
            f"{run.dumps} samples by py-spy, {lines['request']} reports of all threads\n"
            f"  memory {' and '.join(map(str, run.memory))} MiB; written "
            f"{run.written / 2**20:.1f} MiB, {run.written / 2**20 / seconds * 60:.1f} a minute",
            flush=True,
        )
    for problem in run.problems:
        print(f"Python {platform.python_version()}, {loop}: {problem}", file=sys.stderr)
    return not run.problems


async def soak_all(loops: list[str], seconds: float, dice: random.Random) -> list[bool]:
    """Soak a server with each event loop, all at the same time."""
    return await asyncio.gather(*(soak(loop, seconds, dice) for loop in loops))


def main() -> int:
    """Soak on this Python; return 0 without a problem."""
    parser = argparse.ArgumentParser(prog="nox -s stall_soak --", description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=5.0, help="(5)")
    parser.add_argument("--loop", action="append", choices=("asyncio", "uvloop"))
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    dice = random.Random(args.seed)  # noqa: S311 (no secret)
    well = asyncio.run(soak_all(args.loop or ["asyncio", "uvloop"], args.minutes * 60, dice))
    return 0 if all(well) else 1


if __name__ == "__main__":
    run_tool(main)
