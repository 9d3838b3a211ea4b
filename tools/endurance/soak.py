"""Let clients start, stop and leave at random for minutes: does a loop stay, does the app grow?

``nox -s soak -- 10 fastapi``: ten minutes for a column, half of them on each server. It looks at
the app's process, so it needs Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
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

if TYPE_CHECKING:
    from collections.abc import Callable

    from asgi_liveness.inside.ledger import Loop

ON: Final = [kind for kind in SERVERS if kind.name in ("uvicorn/asyncio", "hypercorn")]
MOST: Final = 6000  # loops in a server's life: its ledger has room for 16,384
LIMIT: Final = 30.0  # seconds for the end of all loops
POLL: Final = 0.02  # seconds
LINGER: Final = 6.0  # seconds; hypercorn may keep the connection of one who has left for five
# CPython's allocator leaves holes, so a flat app varies by some hundred KiB. A task, a request or
# a transport that is kept takes 2 KiB and more: 1,000 loops show it.
GROWTH: Final = 2048  # KiB from the first third of a life to its last, each by its median


class Point(NamedTuple):
    """The app's process when no loop runs."""

    loops: int
    descriptors: int
    memory: int  # KiB


@dataclass
class Life:
    """A server from its start to its end, looked at whenever nobody is there."""

    server: Server
    clients: Clients
    points: list[Point] = field(default_factory=list)

    async def run(self, until: float) -> None:
        """Let clients come in rounds, until the time is over, the ledger full or a thing wrong."""
        await self.server.ready()
        probes = asyncio.create_task(self.clients.guarded(self.clients.probe()))
        await wait(lambda: self.clients.counts["probes"] > 0, LIMIT)
        idle = self.look()
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
        """Let clients come; when all have left, look at their loops and at the app."""
        first = self.server.ledger.taken
        await self.clients.come()
        if self.server.ended:
            words = f"the server ended; its last words: {self.server.last_words()}"
            self.clients.problems.append(words)
            return
        self.account(await self.all_ended(first))
        await wait(lambda: self.look().descriptors <= descriptors, LINGER)
        self.points.append(self.look())

    async def all_ended(self, first: int) -> list[Loop]:
        """Nobody is there any more: see that no loop is; return those from *first* on."""
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
        """See that every loop was asked for, and every step of a job told."""
        born, made = Counter(loop.route for loop in loops), Counter[str]()
        for loop in loops:
            made[loop.route] += loop.steps
        self.clients.counts["steps"] += made.total()
        started, told = self.clients.started, self.clients.told
        exact = (born["/supervised"], made["/supervised"])
        well = born <= started and exact == (started["/supervised"], told["/supervised"])
        # A process that is killed takes along what it has not yet put out, or it has put out one
        # step more than it has counted.
        well = well and told["/process"] <= made["/process"] + born["/process"]
        loops_and_steps = f"loops started {dict(started)}, born {dict(born)}"
        self.clients.expect(well, f"{loops_and_steps}; steps told {dict(told)}, made {dict(made)}")

    def look(self) -> Point:
        """Look at the app's process; the ledger's pages, which all loops touch, are not its own."""
        process = app_process(self.server)
        memory = (process / "status").read_text().partition("RssAnon:")[2].split()[0]
        descriptors = len(list((process / "fd").iterdir()))
        return Point(self.server.ledger.taken, descriptors, int(memory))

    def compare(self) -> None:
        """Print what happened, and compare the end with the beginning."""
        counts = ", ".join(
            f"{number} {what}" for what, number in sorted(self.clients.counts.items())
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
    """Wait until it has come true, or for so long."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return
        await asyncio.sleep(POLL)


def app_process(server: Server) -> Path:
    """Return the /proc of the process with the app: hypercorn's command starts one for it."""
    members = [Path(f"/proc/{pid}") for pid in server.group.members()]
    workers = [path for path in members if b"spawn_main" in (path / "cmdline").read_bytes()]
    return workers[0] if workers else Path(f"/proc/{server.pid}")


async def soak(target: str, kind: ServerKind, seconds: float, dice: random.Random) -> bool:
    """Let one server's life follow the other for so long; return whether all went well."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with Server(kind, target) as server:
            clients = Clients(server, dice)
            try:
                await Life(server, clients).run(until)
            except TargetError as error:
                clients.problems.append(str(error))
        for problem in clients.problems:
            print(f"{target} on {kind.name}: {problem}", file=sys.stderr)
        if clients.problems:
            return False
    return True


def main() -> int:
    """Soak what was asked for; return 0 if nothing was wrong."""
    parser = argparse.ArgumentParser(prog="nox -s soak --", description=__doc__)
    parser.add_argument("minutes", type=float, help="in all")
    parser.add_argument("framework", nargs="*", help=f"of {', '.join(FRAMEWORKS)}; default: all")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    args = parser.parse_args()
    if unknown := set(args.framework) - FRAMEWORKS.keys():
        parser.error(f"no column is called {min(unknown)!r}")
    pairs = [(FRAMEWORKS[name], kind) for name in args.framework or FRAMEWORKS for kind in ON]
    seconds = args.minutes * 60 / len(pairs)
    print(f"seed {args.seed}; {seconds:.0f} s for each column on each server", flush=True)
    dice = random.Random(args.seed)  # noqa: S311 (no secret)
    well = [asyncio.run(soak(target, kind, seconds, dice)) for target, kind in pairs]
    return 0 if all(well) else 1


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores the first
        signal.signal(number, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted; what was started is ended")
