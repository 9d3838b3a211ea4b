"""Hold ``Pace`` against its goals, in paired runs: how fast, how long others wait, how fair.

``nox -s pacing -- 3``: three rounds on each framework and server. Run it on an idle machine.
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
"""Of which the speed is measured, each of them between two looks at the bare loop."""
OFTEN: Final = 2  # in a round: rates vary more than waits
SLICE: Final = 1.0  # ms
SPEED_GOALS: Final = {1: 0.95, 1000: 0.90}  # of the bare loop's turns
WAIT_GOALS: Final = {"p50": 1, "p99": 3}  # slices
PROBED: Final = 0.8  # seconds
COUNTED: Final = 0.3  # seconds
BARE: Final = 0.2  # seconds
CLIENTS: Final = 8  # connections, closed loop
LOADED: Final = 1.0  # seconds
FAIR: Final = 5.0  # seconds
TURNS: Final = 200_000
REPEATS: Final = 15
CLOCK_GOAL: Final = 1.5  # looks at the clock
GROWTH_GOAL: Final = 1.5  # times
SHARE_GOAL: Final = 0.05  # of the time: at rest they have all of it
RATE_GOAL: Final = 0.9  # of the requests a second
FAIR_GOALS: Final = (0.8, 1.2)  # of a hundredth

Found = dict[tuple[str, int], list[float]]


@dataclass
class Goal:
    """What is wanted, and what was found in each place."""

    words: str
    limit: float | None
    """None: it is not judged."""
    least: bool
    found: list[float] = field(default_factory=list)

    @property
    def worst(self) -> float:
        """The one furthest from what is wanted."""
        return min(self.found) if self.least else max(self.found)

    @property
    def missed(self) -> int:
        """In how many places it was not reached."""
        if self.limit is None:
            return 0
        return sum(one < self.limit if self.least else one > self.limit for one in self.found)

    def __str__(self) -> str:
        """Make a line of it."""
        numbers = (statistics.median(self.found), self.worst)
        found = "".join(f"{number:9.3f}" for number in numbers)
        if self.limit is None:
            return f"{f'({self.words})':<60}{found}"
        how = f"missed in {self.missed} of {len(self.found)}" if self.missed else "holds"
        return f"{self.words:<52} {'≥' if self.least else '≤'} {self.limit:5.2f}{found}   {how}"


class Goals(dict[str, Goal]):
    """All of them, by their words."""

    def tell(self, words: str, found: float, limit: float | None, *, least: bool = False) -> None:
        """Note what was found in one place."""
        self.setdefault(words, Goal(words, limit, least)).found.append(found)


async def bare_rate(server: Server) -> float:
    """Return the bare loop's steps a second."""
    async with Loops(server, "bare", 1) as bare:
        return await bare.rate(BARE)


async def speed_round(server: Server, found: Found) -> None:
    """Measure how fast loops are that nobody disturbs."""
    before = await bare_rate(server)
    for name, way, number in SPEEDS:
        async with Loops(server, way, number) as loops:
            rate = await loops.rate(COUNTED)
        after = await bare_rate(server)
        found[name, number].append(2 * rate / (before + after))
        before = after


async def probe_round(server: Server, probes: prober.Prober, number: int, found: Found) -> None:
    """Measure the app at rest, and beside so many paced loops."""
    idle, _ = await probes.probe(PROBED)
    async with Loops(server, WAY, number):
        waits, lost = await probes.probe(PROBED)
    if lost:
        sys.exit(f"{lost} probes beside {number} loops were not answered")
    for share in (50, 99):
        for name, histogram in (("idle", idle), ("paced", waits)):
            wait = histogram.get_value_at_percentile(share) / 1000
            found[f"{name} p{share}", number].append(wait)


async def load_round(server: Server, found: Found) -> None:
    """Measure what clients get that take all, without loops and beside ten of them."""
    bare = await bare_rate(server)
    alone = await load(server)
    async with Loops(server, WAY, 10) as loops:
        at_rest = await loops.rate(COUNTED)
        (rate, answers) = await asyncio.gather(loops.rate(LOADED), load(server))
    again = await load(server)
    found["share", 10].append(rate / at_rest)
    found["share of bare", 10].append(rate / bare)
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
    """Hold the medians of all rounds against what is wanted."""
    of = {key: statistics.median(values) for key, values in found.items()}
    for number, limit in SPEED_GOALS.items():
        words = f"speed of {number} paced, of the bare loop's"
        goals.tell(words, of["paced", number], limit, least=True)
    goals.tell("speed of one that awaits what does nothing", of["nothing", 1], None, least=True)
    for name, limit in WAIT_GOALS.items():
        for number in NUMBERS:
            more = (of[f"paced {name}", number] - of[f"idle {name}", number]) / SLICE
            goals.tell(f"{name} beside {number}, more than at rest, in slices", more, limit)
    growth = of["paced p50", NUMBERS[-1]] / of["paced p50", 1]
    goals.tell("p50 beside 1000, by that beside one", growth, GROWTH_GOAL)
    goals.tell("least turns of 100, of a hundredth", of["least", 100], FAIR_GOALS[0], least=True)
    goals.tell("most turns of 100, of a hundredth", of["most", 100], FAIR_GOALS[1])
    words = "speed of ten under load, of theirs at rest"
    goals.tell(words, of["share", 10], SHARE_GOAL, least=True)
    words = "speed of ten under load, of the bare loop's"
    goals.tell(words, of["share of bare", 10], None, least=True)
    goals.tell("requests beside them, of those without", of["requests", 10], RATE_GOAL, least=True)


async def await_costs(goals: Goals) -> None:
    """Compare an await within the slice with reading the clock."""
    ratios = []
    async with Pace(1e9) as pace:
        for _ in range(REPEATS):
            empty = await seconds_of(None)
            clock, awaited = await seconds_of(time.perf_counter), await seconds_of(pace)
            ratios.append((awaited - empty) / (clock - empty))
    words = "an await within the slice, in looks at the clock"
    goals.tell(words, statistics.median(ratios), CLOCK_GOAL)


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
    parser.add_argument("rounds", type=int, nargs="?", default=3, help="of all numbers (3)")
    parser.add_argument("--framework", choices=FRAMEWORKS, help="one alone; default: all")
    args = parser.parse_args()
    goals = Goals()
    prober.run(await_costs(goals))

    async def all_of_them() -> None:
        for framework in [args.framework] if args.framework else FRAMEWORKS:
            for kind in SERVERS:
                print(f"{framework} on {kind.name}", file=sys.stderr, flush=True)
                judge(await measure(framework, kind, args.rounds), goals)

    prober.run(all_of_them())
    places = f"{len(SERVERS) * (1 if args.framework else len(FRAMEWORKS))} places"
    print(f"{f'Python {platform.python_version()}, {places}':<52} {'goal':>7}   median    worst")
    print(*goals.values(), sep="\n")
    return int(any(goal.missed for goal in goals.values()))


if __name__ == "__main__":
    sys.exit(main())
