"""Hold ``Pace`` against its goals, in paired runs: how fast, how long others wait, how fair.

``nox -s pacing -- 5``: five rounds on each framework and server. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import statistics
import sys
import time
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asgi_liveness.pacing import Pace
from asgi_liveness.servers import SERVERS, ServerKind
from asgi_liveness.serving import Server
from tools import prober
from tools.loops import Loops

if TYPE_CHECKING:
    from collections.abc import Callable

FRAMEWORKS: Final[dict[str, str]] = tomllib.loads(
    (Path(__file__).parent.parent / "pyproject.toml").read_text()
)["tool"]["comparison"]["frameworks"]
WAY: Final = "Pace 1 ms"
SLICE: Final = 1.0  # ms
NUMBERS: Final = (1, 10, 100, 1000)  # of loops
SPEED_GOALS: Final = {1: 0.95, 1000: 0.90}  # of the bare loop's turns
INTERVAL: Final = 0.005  # seconds between two probes
PROBED: Final = 1.0  # seconds
COUNTED: Final = 0.4  # seconds
BARE: Final = 0.2  # seconds
CLIENTS: Final = 8  # connections, closed loop
LOADED: Final = 1.0  # seconds
FAIR: Final = 5.0  # seconds
TURNS: Final = 200_000
REPEATS: Final = 15
CLOCK_GOAL: Final = 1.5  # looks at the clock
GROWTH_GOAL: Final = 1.5  # times
SHARE_GOAL: Final = 0.05  # of the bare loop's turns
RATE_GOAL: Final = 0.9  # of the requests a second
FAIR_GOALS: Final = (0.8, 1.2)  # of a hundredth

Found = dict[tuple[str, int], list[float]]


class Goals:
    """What was found beside what was wanted."""

    def __init__(self) -> None:
        self.missed = self.told = 0

    def tell(self, what: str, found: float, goal: float, *, least: bool = False) -> None:
        """Print a line."""
        holds = found >= goal if least else found <= goal
        self.missed += not holds
        self.told += 1
        sign = "≥" if least else "≤"
        print(f"  {'holds ' if holds else 'MISSED'} {what}: {found:.3f} (goal {sign} {goal:.3f})")


async def bare_rate(server: Server) -> float:
    """Return the bare loop's steps a second."""
    async with Loops(server, "bare", 1) as bare:
        return await bare.rate(BARE)


async def probe_round(server: Server, probes: prober.Prober, number: int, found: Found) -> None:
    """Measure the app at rest, the bare loop, and so many paced loops, one after the other."""
    idle, _ = await probes.probe(PROBED, INTERVAL)
    before = await bare_rate(server)
    async with Loops(server, WAY, number) as loops:
        rate = await loops.rate(COUNTED)
        waits, lost = await probes.probe(PROBED, INTERVAL)
    if lost:
        sys.exit(f"{lost} probes beside {number} loops were not answered")
    async with Loops(server, "await nothing", 1) as loops:
        limit = await loops.rate(COUNTED)
    bare = (before + await bare_rate(server)) / 2
    found["speed", number].append(rate / bare)
    found["limit", 1].append(limit / bare)
    for share in (50, 99):
        for name, histogram in (("idle", idle), ("paced", waits)):
            wait = histogram.get_value_at_percentile(share) / 1000
            found[f"{name} p{share}", number].append(wait)


async def load_round(server: Server, found: Found) -> None:
    """Measure what clients get that take all, without loops and beside ten of them."""
    bare = await bare_rate(server)
    alone = await load(server)
    async with Loops(server, WAY, 10) as loops:
        (rate, answers) = await asyncio.gather(loops.rate(LOADED), load(server))
    again = await load(server)
    found["share", 10].append(rate / bare)
    found["requests", 10].append(2 * answers / (alone + again))


async def load(server: Server) -> float:
    """Return the answers a second that several clients get, each of which asks at once again."""
    probes = prober.Prober(server)
    answers = await probes.load(CLIENTS, LOADED)
    probes.close()
    return answers


async def fairness(server: Server, found: Found) -> None:
    """Measure what part of their hundredth each of a hundred loops gets."""
    async with Loops(server, WAY, 100) as loops:
        before = loops.steps()
        await asyncio.sleep(FAIR)
        made = [now - then for now, then in zip(loops.steps(), before, strict=True)]
    mean = sum(made) / len(made)
    found["least", 100].append(min(made) / mean)
    found["most", 100].append(max(made) / mean)


async def measure(framework: str, kind: ServerKind, rounds: int) -> Found:
    """Measure one framework on one server."""
    found: Found = defaultdict(list)
    with Server(kind, f"tools.ways:{framework}") as server:
        await server.ready()
        probes = prober.Prober(server)
        await probes.probe(PROBED, INTERVAL)
        for _ in range(rounds):
            for number in NUMBERS:
                await probe_round(server, probes, number, found)
            await load_round(server, found)
        probes.close()
        await fairness(server, found)
    return found


def judge(found: Found, goals: Goals) -> None:
    """Tell the medians of all rounds."""
    of = {key: statistics.median(values) for key, values in found.items()}
    for number, goal in SPEED_GOALS.items():
        goals.tell(f"speed of {number} loops", of["speed", number], goal, least=True)
    print(f"         a loop that awaits what does nothing: {of['limit', 1]:.3f}")
    for number in NUMBERS:
        for name, slices in (("p50", 1), ("p99", 3)):
            goal = of[f"idle {name}", number] + slices * SLICE
            goals.tell(f"{name} beside {number} loops, ms", of[f"paced {name}", number], goal)
    growth = of["paced p50", NUMBERS[-1]] / of["paced p50", 1]
    goals.tell("p50 beside 1,000 loops by that beside one", growth, GROWTH_GOAL)
    goals.tell("least of a loop's hundredth", of["least", 100], FAIR_GOALS[0], least=True)
    goals.tell("most of a loop's hundredth", of["most", 100], FAIR_GOALS[1])
    goals.tell("share of ten loops under load", of["share", 10], SHARE_GOAL, least=True)
    goals.tell("requests beside them, of those without", of["requests", 10], RATE_GOAL, least=True)


async def await_costs(goals: Goals) -> None:
    """Compare an await within the slice with reading the clock."""
    ratios = []
    async with Pace(1e9) as pace:
        for _ in range(REPEATS):
            empty = await seconds_of(None)
            clock, awaited = await seconds_of(time.perf_counter), await seconds_of(pace)
            ratios.append((awaited - empty) / (clock - empty))
    name = f"an await within the slice, in looks at the clock, on {platform.python_version()}"
    goals.tell(name, statistics.median(ratios), CLOCK_GOAL)


async def seconds_of(what: Callable[[], float] | Pace | None) -> float:
    """Return the seconds that so many calls take, or awaits, or turns that do nothing."""
    began = time.perf_counter()
    if what is None:
        for _ in range(TURNS):
            pass
    elif isinstance(what, Pace):
        for _ in range(TURNS):
            await what
    else:
        for _ in range(TURNS):
            what()
    return time.perf_counter() - began


def main() -> int:
    """Measure, print each number beside its goal, and return 1 if one was missed."""
    parser = argparse.ArgumentParser(prog="nox -s pacing --", description=__doc__)
    parser.add_argument("rounds", type=int, nargs="?", default=5, help="of all numbers (5)")
    parser.add_argument("--framework", choices=FRAMEWORKS, help="one alone; default: all")
    args = parser.parse_args()
    goals = Goals()
    prober.run(await_costs(goals))

    async def all_of_them() -> None:
        for framework in [args.framework] if args.framework else FRAMEWORKS:
            for kind in SERVERS:
                print(f"{framework} on {kind.name}", flush=True)
                judge(await measure(framework, kind, args.rounds), goals)

    prober.run(all_of_them())
    print(f"{goals.missed} of {goals.told} goals were missed" if goals.missed else "all goals hold")
    return int(bool(goals.missed))


if __name__ == "__main__":
    sys.exit(main())
