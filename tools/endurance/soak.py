"""Start, stop and leave loops at random for minutes: does a loop run on, does the app grow?

``nox -s soak -- 10 fastapi`` takes ten minutes for a column, half of them on each server. It reads
the app's process in /proc, so it needs Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from asgi_liveness.errors import TargetError
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS, ServerKind
from tools.comparison import FRAMEWORKS
from tools.endurance.clients import Clients
from tools.tool import run_tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from asgi_liveness.inside.ledger import Loop

ON: Final = [kind for kind in SERVERS if kind.name in ("uvicorn/asyncio", "hypercorn")]
MOST: Final = 6000  # loops on one server; its ledger has room for 16,384
LIMIT: Final = 30.0  # seconds for the end of all loops
POLL: Final = 0.02  # seconds
LINGER: Final = 6.0  # seconds; hypercorn may keep a closed connection for five
# CPython's allocator leaves holes, so an app that keeps nothing varies by some hundred KiB. A kept
# task, request or transport takes at least 2 KiB, so 1,000 loops show it.
GROWTH: Final = 2048  # KiB between the medians of the first and the last third of a server's points


class Point(NamedTuple):
    """The app's process while no loop runs."""

    loops: int
    descriptors: int
    memory: int  # KiB


@dataclass
class SoakedServer:
    """A server from its start to its end, measured whenever no client is connected."""

    server: Server
    clients: Clients
    points: list[Point] = field(default_factory=list)

    async def run(self, until: float) -> None:
        """Run rounds until the time is over, the ledger is full, or a problem is noted."""
        await self.server.ready()
        probes = asyncio.create_task(self.clients.guarded(self.clients.probe()))
        await wait(lambda: self.clients.counts["probes"] > 0, LIMIT)
        idle = self.measure()
        await self.clients.warm_up()
        await self.all_ended(0)
        while not self.clients.problems and self.server.ledger.taken < MOST:
            await self.round((self.points or [idle])[0].descriptors)
            if time.monotonic() > until:
                break
        self.clients.over = True
        await probes
        if self.points:
            self.compare()

    async def round(self, descriptors: int) -> None:
        """Run one round of clients; then check their loops and measure the app."""
        first = self.server.ledger.taken
        await self.clients.round()
        if self.server.ended:
            words = f"the server ended; its last log line: {self.server.last_words()}"
            self.clients.problems.append(words)
            return
        self.account(await self.all_ended(first))
        await wait(lambda: self.measure().descriptors <= descriptors, LINGER)
        self.points.append(self.measure())

    async def all_ended(self, first: int) -> list[Loop]:
        """Check that no loop runs without clients; return the loops from number *first* on."""
        ledger = self.server.ledger
        await wait(lambda: all(loop.ended for loop in ledger.loops(first)), LIMIT)
        before = [loop.steps for loop in ledger.loops()]
        await asyncio.sleep(POLL)
        loops = ledger.loops()
        left = Counter(loop.route for loop in loops if not loop.ended)
        steps = sum(loop.steps for loop in loops) - sum(before)
        words = f"loops without an owner: {dict(left)}; {steps} steps within {POLL} s"
        self.clients.expect(not left and not steps, words)
        return loops[first:]

    def account(self, loops: list[Loop]) -> None:
        """Check that a client started every loop, and that the app reported every step of a job."""
        begun, made = Counter(loop.route for loop in loops), Counter[str]()
        for loop in loops:
            made[loop.route] += loop.steps
        self.clients.counts["steps"] += made.total()
        started, reported = self.clients.started, self.clients.reported
        exact = (begun["/supervised"], made["/supervised"])
        well = begun <= started and exact == (started["/supervised"], reported["/supervised"])
        # A killed process loses the steps that it has not yet written, or it has written one step
        # more than it has counted.
        well = well and reported["/process"] <= made["/process"] + begun["/process"]
        words = f"loops started {dict(started)}, begun {dict(begun)}; "
        words += f"steps reported {dict(reported)}, made {dict(made)}"
        self.clients.expect(well, words)

    def measure(self) -> Point:
        """Measure the app's process, without the ledger's pages, which all loops share."""
        process = app_process(self.server)
        memory = (process / "status").read_text().partition("RssAnon:")[2].split()[0]
        descriptors = len(list((process / "fd").iterdir()))
        return Point(self.server.ledger.taken, descriptors, int(memory))

    def compare(self) -> None:
        """Print the counts, and compare the last points with the first."""
        counts = ", ".join(
            f"{number} {name}" for name, number in sorted(self.clients.counts.items())
        )
        loops, descriptors, memory = zip(*self.points, strict=True)
        third = (len(memory) + 2) // 3
        first, last = statistics.median(memory[:third]), statistics.median(memory[-third:])
        grown = 1024 * (last - first) / max(loops[-1] - loops[0], 1)
        print(
            f"{self.server.target} on {self.server.kind.name}: {loops[-1]} loops; {counts}, the "
            f"longest wait {self.clients.longest * 1000:.0f} ms\n"
            f"  descriptors {' '.join(map(str, descriptors))}; KiB {' '.join(map(str, memory))}: "
            f"{grown:.0f} B a loop",
            flush=True,
        )
        before, after = descriptors[0], descriptors[-1]
        self.clients.expect(after == before, f"descriptors: {before} at first, {after} at last")
        self.clients.expect(
            last - first < GROWTH, f"memory: {first:.0f} KiB at first, {last:.0f} at last"
        )


async def wait(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until *condition* is true, at most for *seconds*."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return
        await asyncio.sleep(POLL)


def app_process(server: Server) -> Path:
    """Return the folder in /proc of the app's process; hypercorn starts a worker for the app."""
    members = [Path(f"/proc/{pid}") for pid in server.group.members()]
    workers = [path for path in members if b"spawn_main" in (path / "cmdline").read_bytes()]
    return workers[0] if workers else Path(f"/proc/{server.pid}")


async def soak(target: str, kind: ServerKind, seconds: float, dice: random.Random) -> bool:
    """Soak one server after the other for *seconds*; return whether none had a problem."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with Server(kind, target) as server:
            clients = Clients(server, dice)
            try:
                await SoakedServer(server, clients).run(until)
            except TargetError as error:
                clients.problems.append(str(error))
        for problem in clients.problems:
            print(f"{target} on {kind.name}: {problem}", file=sys.stderr)
        if clients.problems:
            return False
    return True


def main() -> int:
    """Soak the columns that the arguments name; return 0 without a problem."""
    parser = argparse.ArgumentParser(prog="nox -s soak --", description=__doc__)
    parser.add_argument("minutes", type=float, help="for all columns together")
    parser.add_argument(
        "framework", nargs="*", help=f"one of {', '.join(FRAMEWORKS)}; default: all"
    )
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    args = parser.parse_args()
    if unknown := set(args.framework) - FRAMEWORKS.keys():
        parser.error(f"there is no column {min(unknown)!r}; there are {', '.join(FRAMEWORKS)}")
    pairs = [(FRAMEWORKS[name], kind) for name in args.framework or FRAMEWORKS for kind in ON]
    seconds = args.minutes * 60 / len(pairs)
    print(f"seed {args.seed}; {seconds:.0f} s for each column on each server", flush=True)
    dice = random.Random(args.seed)  # noqa: S311 (no secret)
    well = [asyncio.run(soak(target, kind, seconds, dice)) for target, kind in pairs]
    return 0 if all(well) else 1


if __name__ == "__main__":
    run_tool(main)
