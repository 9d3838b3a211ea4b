"""Compare ``Pace`` with its goals, in paired runs: the speed of loops, others' waits, fairness.

``nox -s pacing -- 3`` makes three rounds on each framework and server. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from asgi_liveness.pacing import Pace
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS, ServerKind
from tools.bench import prober
from tools.bench.loops import NUMBERS, Loops
from tools.comparison import FRAMEWORKS

if TYPE_CHECKING:
    from collections.abc import Callable

WAY: Final = "Pace 1 ms"
SPEEDS: Final = (
    ("paced", WAY, 1),
    ("nothing", "await nothing", 1),
    ("paced", WAY, 1000),
)
"""Name, way and number of the loops whose speed is measured, each between two bare loops."""
OFTEN: Final = 2  # measurements of rates in a round: rates vary more than waits
SLICE: Final = 1.0  # ms
SPEED_GOALS: Final = {1: 0.95, 1000: 0.90}  # parts of the bare loop's speed, by number of loops
WAIT_GOALS: Final = {"p50": 1, "p99": 3}  # slices
PROBED: Final = 0.8  # seconds of probes
COUNTED: Final = 0.3  # seconds of counted steps
BARE: Final = 0.2  # seconds of the bare loop
CLIENTS: Final = 8  # connections under load
LOADED: Final = 1.0  # seconds of load
FAIR: Final = 5.0  # seconds of counted steps, for fairness
ITERATIONS: Final = 200_000  # awaits in one measurement of their cost
REPEATS: Final = 15  # of that measurement
CLOCK_GOAL: Final = 1.5  # readings of the clock
GROWTH_GOAL: Final = 1.5  # times the wait with one loop
SHARE_GOAL: Final = 0.05  # the part of their speed without load
RATE_GOAL: Final = 0.9  # the part of the requests a second without loops
FAIR_GOALS: Final = (0.8, 1.2)  # fair shares

Found = dict[tuple[str, int], list[float]]


@dataclass
class Goal:
    """A goal, and the numbers measured on each framework and server."""

    words: str
    limit: float | None
    """None: the number is only recorded."""
    least: bool
    """Whether the limit is the least number allowed, or else the most."""
    found: list[float] = field(default_factory=list)

    @property
    def worst(self) -> float:
        """The number furthest from the goal."""
        return min(self.found) if self.least else max(self.found)

    @property
    def missed(self) -> int:
        """How many numbers miss the goal."""
        if self.limit is None:
            return 0
        return sum(n < self.limit if self.least else n > self.limit for n in self.found)

    def __str__(self) -> str:
        """Return a line of the table."""
        numbers = (statistics.median(self.found), self.worst)
        found = "".join(f"{number:9.3f}" for number in numbers)
        if self.limit is None:
            return f"{f'({self.words})':<60}{found}"
        how = f"missed in {self.missed} of {len(self.found)}" if self.missed else "holds"
        return f"{self.words:<52} {'≥' if self.least else '≤'} {self.limit:5.2f}{found}   {how}"


class Goals(dict[str, Goal]):
    """All goals, by their words."""

    def add(self, words: str, found: float, limit: float | None, *, least: bool = False) -> None:
        """Add the number *found* on one framework and server."""
        self.setdefault(words, Goal(words, limit, least)).found.append(found)


async def bare_rate(server: Server) -> float:
    """Return the bare loop's steps a second."""
    async with Loops(server, "bare", 1) as bare:
        return await bare.rate(BARE)


async def speed_round(server: Server, found: Found) -> None:
    """Measure the speed of loops without any request."""
    before = await bare_rate(server)
    for name, way, number in SPEEDS:
        async with Loops(server, way, number) as loops:
            rate = await loops.rate(COUNTED)
        after = await bare_rate(server)
        found[name, number].append(2 * rate / (before + after))
        before = after


async def probe_round(server: Server, probes: prober.Prober, number: int, found: Found) -> None:
    """Measure the waits in the idle app, and while *number* paced loops run."""
    idle, _ = await probes.probe(PROBED)
    async with Loops(server, WAY, number):
        waits, lost = await probes.probe(PROBED)
    if lost:
        sys.exit(f"{lost} probes were not answered while {number} loops ran")
    for share in (50, 99):
        for name, histogram in (("idle", idle), ("paced", waits)):
            wait = histogram.get_value_at_percentile(share) / 1000
            found[f"{name} p{share}", number].append(wait)


async def load_round(server: Server, found: Found) -> None:
    """Measure ten loops and the clients that load the app, apart and together."""
    bare = await bare_rate(server)
    alone = await load(server)
    async with Loops(server, WAY, 10) as loops:
        unloaded = await loops.rate(COUNTED)
        (rate, responses) = await asyncio.gather(loops.rate(LOADED), load(server))
    again = await load(server)
    found["share", 10].append(rate / unloaded)
    found["share of bare", 10].append(rate / bare)
    found["requests", 10].append(2 * responses / (alone + again))


async def load(server: Server) -> float:
    """Return the responses a second to several clients that repeat their request at once."""
    probes = prober.Prober(server)
    responses = await probes.load(CLIENTS, LOADED)
    probes.close()
    return responses


async def fairness(server: Server, found: Found) -> None:
    """Measure the fewest and the most steps of a hundred loops, in fair shares."""
    async with Loops(server, WAY, 100) as loops:
        before = loops.steps()
        await asyncio.sleep(FAIR)
        steps = [now - then for now, then in zip(loops.steps(), before, strict=True)]
    mean = sum(steps) / len(steps)
    found["least", 100].append(min(steps) / mean)
    found["most", 100].append(max(steps) / mean)


async def measure(framework: str, kind: ServerKind, rounds: int) -> Found:
    """Measure one framework on one server."""
    found: Found = defaultdict(list)
    with Server(kind, f"tools.bench.ways:{framework}") as server:
        await server.ready()
        probes = prober.Prober(server)
        await probes.probe(PROBED)
        for _ in range(rounds):
            for number in NUMBERS:
                await probe_round(server, probes, number, found)
            for _ in range(OFTEN):
                await speed_round(server, found)
                await load_round(server, found)
        probes.close()
        await fairness(server, found)
    return found


def judge(found: Found, goals: Goals) -> None:
    """Compare the medians of all rounds with the goals."""
    of = {key: statistics.median(values) for key, values in found.items()}
    for number, limit in SPEED_GOALS.items():
        words = f"speed of {number} paced, as a part of the bare loop's"
        goals.add(words, of["paced", number], limit, least=True)
    goals.add(
        "speed of one that awaits nothing, as such a part", of["nothing", 1], None, least=True
    )
    for name, limit in WAIT_GOALS.items():
        for number in NUMBERS:
            more = (of[f"paced {name}", number] - of[f"idle {name}", number]) / SLICE
            goals.add(f"{name} with {number}, more than without, in slices", more, limit)
    growth = of["paced p50", NUMBERS[-1]] / of["paced p50", 1]
    goals.add("p50 with 1000, as a multiple of that with 1", growth, GROWTH_GOAL)
    goals.add("fewest steps of 100, in fair shares", of["least", 100], FAIR_GOALS[0], least=True)
    goals.add("most steps of 100, in fair shares", of["most", 100], FAIR_GOALS[1])
    words = "speed of 10 under load, as a part of that without"
    goals.add(words, of["share", 10], SHARE_GOAL, least=True)
    words = "speed of 10 under load, as a part of the bare loop's"
    goals.add(words, of["share of bare", 10], None, least=True)
    goals.add(
        "requests with 10, as a part of those without", of["requests", 10], RATE_GOAL, least=True
    )


async def await_costs(goals: Goals) -> None:
    """Compare the cost of an await within a slice with a reading of the clock."""
    ratios = []
    async with Pace(1e9) as pace:
        for _ in range(REPEATS):
            empty = await seconds_of(None)
            clock, awaited = await seconds_of(time.perf_counter), await seconds_of(pace)
            ratios.append((awaited - empty) / (clock - empty))
    words = "an await within a slice, in readings of the clock"
    goals.add(words, statistics.median(ratios), CLOCK_GOAL)


async def seconds_of(operation: Callable[[], float] | Pace | None) -> float:
    """Return the seconds of ``ITERATIONS`` calls, awaits, or empty iterations."""
    began = time.perf_counter()
    if operation is None:
        for _ in range(ITERATIONS):
            pass
    elif isinstance(operation, Pace):
        for _ in range(ITERATIONS):
            await operation
    else:
        for _ in range(ITERATIONS):
            operation()
    return time.perf_counter() - began


def main() -> int:
    """Measure, print each number with its goal, and return 1 if one goal was missed."""
    parser = argparse.ArgumentParser(prog="nox -s pacing --", description=__doc__)
    parser.add_argument(
        "rounds", type=int, nargs="?", default=3, help="rounds of all measurements (3)"
    )
    parser.add_argument(
        "--framework", choices=FRAMEWORKS, help="the only framework to measure; default: all"
    )
    args = parser.parse_args()
    goals = Goals()
    prober.run(await_costs(goals))

    async def measure_all() -> None:
        for framework in [args.framework] if args.framework else FRAMEWORKS:
            for kind in SERVERS:
                print(f"{framework} on {kind.name}", file=sys.stderr, flush=True)
                judge(await measure(framework, kind, args.rounds), goals)

    prober.run(measure_all())
    places = f"{len(SERVERS) * (1 if args.framework else len(FRAMEWORKS))} places"
    print(f"{f'Python {platform.python_version()}, {places}':<52} {'goal':>7}   median    worst")
    print(*goals.values(), sep="\n")
    return int(any(goal.missed for goal in goals.values()))


if __name__ == "__main__":
    sys.exit(main())
