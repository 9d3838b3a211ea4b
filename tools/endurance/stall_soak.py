"""Stall a watched app in many ways for minutes: does it live, and does what is kept stay small?

``nox -s stall_soak -- 5``: five minutes on each supported Python, asyncio and uvloop side by side,
looked at as often as can be. It looks at the app's process, so it needs Linux.
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

TARGET: Final = "tools.apps.stalling:app"
MAX_STALL: Final = 0.005  # seconds
STALLS: Final = (3, 60)  # milliseconds, from the shortest to the longest
CLIENTS: Final = 3
REST: Final = 0.01  # seconds
LIMIT: Final = 30.0  # seconds for an answer
WARM: Final = 0.1  # of the time goes by before the memory is first looked at
GROWTH: Final = 16  # MiB; a flat app's allocator keeps some more or less of what it gets


@dataclass
class Life:
    """A watched server, its clients, and what became of it."""

    app: App
    dice: random.Random
    asked: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    """What the process itself has written, and in which kinds it was looked at."""
    problems: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)  # MiB
    written: int = 0  # bytes
    dumps: int = 0
    _oldest: float | None = None  # when the probe that has no answer was sent

    async def run(self, seconds: float) -> None:
        """Stall for so long; see then that it is the same process, and answers."""
        until = time.monotonic() + seconds
        await self.app.wait_until_ready("/hello")
        assert self.app.board is not None
        first = {heartbeat.process for heartbeat in self.app.board.heartbeats()}
        outside = Sampler(self.app.board, {self.app.pid}, self._waiting)
        beside = asyncio.create_task(outside.sample())
        tasks = [self._stall(until) for _ in range(CLIENTS)]
        await asyncio.gather(self._probe(until), self._weigh(seconds * WARM), *tasks)
        beside.cancel()
        (stopped,) = await asyncio.gather(beside, return_exceptions=True)
        if isinstance(stopped, Exception):
            raise stopped
        async with open_client(self.app.url, 1) as client:
            await self._ask(client, "/hello")
        last = {heartbeat.process for heartbeat in self.app.board.heartbeats()}
        self._count()
        self.dumps, refused = len(outside.samples), outside.refused
        if self.problems:  # what follows is of a life that went well
            return
        self.memory.append(self._memory())
        grown, unseen = self.memory[-1] - self.memory[0], KINDS.keys() - self.seen.keys()
        one = first == last == {self.app.pid}
        self._expect(one, f"of process {self.app.pid} beat {first} and then {last}")
        self._expect(self.dumps > 0, f"py-spy did not look once: {refused or 'it was not asked'}")
        self._expect(grown <= GROWTH, f"memory grew by {grown} MiB")
        self._expect(not unseen, f"it was never looked at in {', '.join(sorted(unseen))}")

    def _expect(self, holds: bool, otherwise: str) -> None:
        """Note a problem, once, unless it *holds*."""
        if not holds and otherwise not in self.problems:
            self.problems.append(otherwise)

    async def _stall(self, until: float) -> None:
        async with open_client(self.app.url, 1) as client:
            while time.monotonic() < until and not self.problems:
                kind = self.dice.choice(list(KINDS))
                await self._ask(client, f"/{kind}?ms={self.dice.uniform(*STALLS):.1f}")
                self.asked[kind] += 1
                await asyncio.sleep(self.dice.uniform(0, REST))

    async def _probe(self, until: float) -> None:
        async with open_client(self.app.url, 1) as client:
            while time.monotonic() < until and not self.problems:
                self._oldest = time.monotonic()
                await self._ask(client, "/hello")
                self._oldest = None
                await asyncio.sleep(REST)

    async def _weigh(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if not self.app.ended:
            self.memory.append(self._memory())

    async def _ask(self, client: httpx.AsyncClient, path: str) -> None:
        """Ask; note the problem, and so let all clients leave, where no good answer comes."""
        try:
            async with asyncio.timeout(LIMIT):
                (await client.get(path)).raise_for_status()
        except (httpx.HTTPError, TimeoutError) as error:
            await asyncio.sleep(REST)  # a process that dies takes a moment
            self._expect(self.app.ended, f"no good answer to {path}: {error!r}")
            words = f"the server ended with {self.app.exit_code}: {self.app.last_words()}"
            self._expect(not self.app.ended, words)

    def _waiting(self) -> float:
        return time.monotonic() - self._oldest if self._oldest else 0.0

    def _memory(self) -> int:
        """Return the process's own memory; the board's pages are not."""
        status = Path(f"/proc/{self.app.pid}/status").read_text()
        return int((status.partition("RssAnon:")[2].split() or ["0"])[0]) // 1024

    def _count(self) -> None:
        """Read what the process has written, line by line: it may be long."""
        (path,) = self.app.group.folder.glob("samples.*")
        self.written = path.stat().st_size
        with path.open("rb") as file:
            for line in map(json.loads, (line for line in file if line.endswith(b"\n"))):
                self.seen[next(word for word in ("at", "ended", "request") if word in line)] += 1
                self.seen.update({called for *_, called in line.get("frames", ())} & KINDS.keys())


async def soak(loop: str, seconds: float, dice: random.Random) -> bool:
    """Let one server live for so long, print how, and return whether all went well."""
    with App(Options(TARGET, loop=loop, max_stall=MAX_STALL)) as app:
        life = Life(app, dice)
        try:
            await life.run(seconds)
        except TargetError as error:
            life.problems.append(str(error))
        seen = life.seen
        print(
            f"Python {platform.python_version()}, {loop}: process {app.pid}, "
            f"{life.asked.total()} requests, {seen['ended']} stalls, {seen['at']} looks, "
            f"{life.dumps} dumps, {seen['request']} answers where all threads stand\n"
            f"  memory {' and '.join(map(str, life.memory))} MiB; written "
            f"{life.written / 2**20:.1f} MiB, {life.written / 2**20 / seconds * 60:.1f} a minute",
            flush=True,
        )
    for problem in life.problems:
        print(f"Python {platform.python_version()}, {loop}: {problem}", file=sys.stderr)
    return not life.problems


async def soak_all(loops: list[str], seconds: float, dice: random.Random) -> list[bool]:
    """Let a server of each event loop live, side by side."""
    return await asyncio.gather(*(soak(loop, seconds, dice) for loop in loops))


def main() -> int:
    """Soak on this Python; return 0 if nothing was wrong."""
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
    sys.exit(main())
