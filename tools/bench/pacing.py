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
from typing import TYPE_CHECKING, Final

from asgi_liveness.pacing import Pace
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS, ServerKind
from tools.bench import prober
from tools.bench.goals import WIDTH, Goals
from tools.bench.loops import NUMBERS, Loops
from tools.bench.pace_goals import SPELLINGS, WAY, Found, judge
from tools.bench.ways import Nothing
from tools.comparison import FRAMEWORKS
from tools.tool import run_tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from hdrh.histogram import HdrHistogram

BARE_PAIRS: Final = (
    ("slices 1 ms", 1),
    ("only passes", 1),
    ("await nothing", 1),
    ("slices 1 ms", 1000),
    (WAY, 1000),
)
"""Ways and numbers of loops whose speed is measured, each between two runs of the bare loop."""
NOTHING_PAIRS: Final = ((WAY, 1),)
"""The same, between two runs of the loop that awaits nothing."""
OFTEN: Final = 2  # measurements of rates in a round: rates vary more than waits
PROBED: Final = 0.8  # seconds of probes
COUNTED: Final = 0.3  # seconds of counted steps
REFERENCE: Final = 0.2  # seconds of the bare loop, and of the one that awaits nothing
CLIENTS: Final = 8  # connections under load
LOADED: Final = 1.0  # seconds of load
FAIR: Final = 5.0  # seconds of counted steps, for fairness
ITERATIONS: Final = 200_000  # awaits in one measurement of their cost
REPEATS: Final = 15  # of that measurement
CLOCK_GOAL: Final = 1.5  # readings of the clock


async def rate(server: Server, way: str, number: int = 1, seconds: float = REFERENCE) -> float:
    """Return the steps a second of so many loops."""
    async with Loops(server, way, number) as loops:
        return await loops.rate(seconds)


async def speed_round(server: Server, found: Found) -> None:
    """Measure the speed of loops without any request."""
    for reference, pairs in (("bare", BARE_PAIRS), ("await nothing", NOTHING_PAIRS)):
        before = await rate(server, reference)
        for way, number in pairs:
            steps = await rate(server, way, number, COUNTED)
            after = await rate(server, reference)
            found[f"{way} of {reference}", number].append(2 * steps / (before + after))
            # The noise of the machine, which no pair is better than.
            found[f"{reference} of {reference}", 1].append(min(before, after) / max(before, after))
            before = after


async def probe_round(server: Server, probes: prober.Prober, number: int, found: Found) -> None:
    """Measure the waits in the idle app, and while *number* paced loops of each spelling run."""
    idle, _ = await probes.probe(PROBED)
    for way in SPELLINGS:
        async with Loops(server, way, number):
            waits, lost = await probes.probe(PROBED)
        if lost:
            sys.exit(f"{lost} probes were not answered while {number} loops ran")
        add_waits(found, way, number, waits)
    add_waits(found, "idle", number, idle)


def add_waits(found: Found, name: str, number: int, waits: HdrHistogram) -> None:
    """Add the percentiles of waits, in milliseconds."""
    for share in (50, 99):
        found[f"{name} p{share}", number].append(waits.get_value_at_percentile(share) / 1000)


async def load_round(server: Server, found: Found) -> None:
    """Measure ten loops and the clients that load the app, apart and together."""
    bare = await rate(server, "bare")
    alone = await load(server)
    async with Loops(server, WAY, 10) as loops:
        unloaded = await loops.rate(COUNTED)
        (steps, responses) = await asyncio.gather(loops.rate(LOADED), load(server))
    again = await load(server)
    found["share", 10].append(steps / unloaded)
    found["share of bare", 10].append(steps / bare)
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
    for _ in range(rounds):
        # A round starts some 6,000 loops, and a server's ledger has room for 16,384.
        with Server(kind, f"tools.bench.ways:{framework}") as server:
            await server.ready()
            probes = prober.Prober(server)
            await probes.probe(PROBED)
            for number in NUMBERS:
                await probe_round(server, probes, number, found)
            for _ in range(OFTEN):
                await speed_round(server, found)
                await load_round(server, found)
            probes.close()
            await fairness(server, found)
    return found


async def await_costs(goals: Goals) -> None:
    """Compare the cost of an await within a slice with a reading of the clock."""
    found: dict[str, list[float]] = {"pace": [], "nothing": []}
    async with Pace(1e9) as pace:
        for _ in range(REPEATS):
            empty = await seconds_of(None)
            clock = await seconds_of(time.perf_counter) - empty
            for name, awaited in (("pace", pace), ("nothing", Nothing())):
                found[name].append((await seconds_of(awaited) - empty) / clock)
    goals.add(
        "an await within a slice, in readings of the clock",
        statistics.median(found["pace"]),
        CLOCK_GOAL,
        bound="an await that does nothing takes",
        measured=statistics.median(found["nothing"]),
    )


async def seconds_of(operation: Callable[[], float] | Pace | Nothing | None) -> float:
    """Return the seconds of ``ITERATIONS`` calls, awaits, or empty iterations."""
    began = time.perf_counter()
    if operation is None:
        for _ in range(ITERATIONS):
            pass
    elif isinstance(operation, (Pace, Nothing)):
        for _ in range(ITERATIONS):
            await operation  # type: ignore[misc]  # as in tools.bench.ways
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
    parser.add_argument(
        "--quick", action="store_true", help="one round on one framework and server, in a minute"
    )
    args = parser.parse_args()
    kinds = SERVERS[:1] if args.quick else SERVERS
    frameworks = [args.framework] if args.framework else list(FRAMEWORKS)
    if args.quick:
        frameworks, args.rounds = frameworks[:1], 1
    goals = Goals()
    prober.run(await_costs(goals))

    async def measure_all() -> None:
        for framework in frameworks:
            for kind in kinds:
                print(f"{framework} on {kind.name}", file=sys.stderr, flush=True)
                judge(await measure(framework, kind, args.rounds), goals)

    prober.run(measure_all())
    places = f"{len(kinds) * len(frameworks)} places"
    print(
        f"{f'Python {platform.python_version()}, {places}':<{WIDTH}} {'goal':>7}   median    worst"
    )
    print(*goals.values(), sep="\n")
    return int(any(goal.missed for goal in goals.values()))


if __name__ == "__main__":
    run_tool(main)
