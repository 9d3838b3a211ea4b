"""How fast loops run, and how long a request waits beside them: each way to run them, measured.

``nox -s frontier``: all ways on each framework and server, beside 1 to 1,000 loops, in ten minutes.
``-- --quick``: on one of them, in one. The result is JSON first; table and picture come from it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS, ServerKind, version
from tools.bench import prober
from tools.bench.costs import costs
from tools.bench.loops import NUMBERS, Loops
from tools.bench.picture import NOTHING, draw, table
from tools.bench.ways import MOST, WAYS
from tools.comparison import FRAMEWORKS

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

PROBED: Final = 0.45  # seconds
COUNTED: Final = 0.25  # seconds in which steps are counted, and nothing is asked
BARE: Final = 0.2  # seconds of a freeze
RESTLESS: Final = 2.0
"""Of the controls before and after a block, one may have this many times the other's median wait: a
core that sleeps answers twice as late as one that has just worked, on an idle machine as well."""
UNEVEN: Final = 1.25
"""And this many times the other's rate of the bare loop. Beyond either the machine had other work,
and no conclusion is drawn from the block."""
PACKAGES: Final = ("fastapi", "starlette", "quart", "uvicorn", "uvloop", "hypercorn", "anyio")


@dataclass
class Control:
    """The machine by itself: a probe's median wait at rest, in ms, and the bare loop's rate."""

    p50: float
    rate: float


@dataclass
class Block:
    """All ways at one number of loops, on one framework and server, between two controls."""

    framework: str
    server: str
    loops: int
    before: Control
    after: Control | None = None
    speeds: dict[str, float] = field(default_factory=dict)
    """Steps a second of all loops, as a part of the bare loop's, before and after."""
    waits: dict[str, dict[str, float]] = field(default_factory=dict)
    """By percentile, in ms. Where a probe was not answered, none is given."""
    histograms: dict[str, HdrHistogram] = field(default_factory=dict)

    @property
    def noisy(self) -> bool:
        """Whether the controls differ too much."""
        assert self.after is not None
        waits = sorted([self.before.p50, self.after.p50])
        rates = sorted([self.before.rate, self.after.rate])
        return waits[1] > RESTLESS * waits[0] or rates[1] > UNEVEN * rates[0]

    @property
    def told(self) -> dict[str, Any]:
        """What is written of it."""
        assert self.after is not None
        return {
            "framework": self.framework,
            "server": self.server,
            "loops": self.loops,
            "noisy": self.noisy,
            "before": asdict(self.before),
            "after": asdict(self.after),
            "speeds": {way: round(speed, 3) for way, speed in self.speeds.items()},
            "waits": self.waits,
        }


def percentiles(histogram: HdrHistogram) -> dict[str, float]:
    """Return the waits in milliseconds."""
    at = histogram.get_value_at_percentile
    return {f"p{share:g}": at(share) / 1000 for share in (50, 99, 99.9)}


async def control(server: Server, probes: prober.Prober, block: Block | None) -> Control:
    """Measure the app at rest, and the bare loop."""
    waits, _ = await probes.probe(PROBED)
    if block is not None:
        block.histograms[NOTHING].add(waits)
    async with Loops(server, "bare", 1) as bare:
        return Control(percentiles(waits)["p50"], await bare.rate(BARE))


async def measure(framework: str, kind: ServerKind, number: int) -> Block:
    """Measure one block, on a server of its own."""
    with Server(kind, f"tools.bench.ways:{framework}") as server:
        await server.ready()
        probes = prober.Prober(server)
        await control(server, probes, None)  # the first of a server, and of an idle core, is slow
        block = Block(framework, kind.name, number, await control(server, probes, None))
        block.histograms[NOTHING] = prober.histogram()
        rates: dict[str, float] = {}
        for way in WAYS:
            if number <= MOST.get(way, number):
                async with Loops(server, way, number) as loops:
                    rates[way] = await loops.rate(COUNTED)
                    waits, lost = await probes.probe(PROBED)
                block.histograms[way] = waits
                block.waits[way] = {} if lost else percentiles(waits)
        block.after = await control(server, probes, block)
        bare = (block.before.rate + block.after.rate) / 2
        block.speeds = {way: rate / bare for way, rate in rates.items()}
        probes.close()
    return block


def pooled(blocks: list[Block]) -> list[dict[str, Any]]:
    """Put together what the blocks that were not noisy say of each way at each number of loops."""
    rows = []
    for way in (NOTHING, *WAYS):
        for number in NUMBERS:
            of = [one for one in blocks if one.loops == number and not one.noisy]
            of = [one for one in of if way == NOTHING or one.waits.get(way)]
            if of:
                waits = prober.histogram()
                for one in of:
                    waits.add(one.histograms[way])
                speeds = [one.speeds[way] for one in of if way in one.speeds]
                rows.append(
                    {
                        "way": way,
                        "loops": number,
                        "blocks": len(of),
                        "probes": waits.get_total_count(),
                        "speed": round(statistics.median(speeds), 3) if speeds else None,
                        **percentiles(waits),
                    }
                )
    return rows


def told(blocks: list[Block], quick: bool, began: float) -> dict[str, Any]:
    """Return what is written."""
    return {
        "schema": 1,
        "python": platform.python_version(),
        "system": f"{platform.system()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in PACKAGES},
        "quick": quick,
        "pooled": pooled(blocks),
        "noisy": sum(one.noisy for one in blocks),
        "blocks": [one.told for one in blocks],
        "costs": costs(quick),
        "seconds": round(time.monotonic() - began, 1),
    }


def publish(result: dict[str, Any], folder: Path) -> int:
    """Write JSON and picture, and print the table; return 1 if all blocks were noisy."""
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / "frontier.json"
    written.write_text(json.dumps(result, indent=1) + "\n")
    if not result["pooled"]:
        print(f"{written}: every block was too noisy, run it again on an idle machine")
        return 1
    draw(result, folder / "frontier.png")
    print(table(result))
    print(f"{written} and frontier.png in {result['seconds']:.0f} s")
    return 0


def main() -> int:
    """Measure what was asked for; return 1 if the machine was too noisy for any conclusion."""
    parser = argparse.ArgumentParser(prog="nox -s frontier --", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one framework and server, a minute")
    parser.add_argument("--output", type=Path, default=Path("out"), help="a folder (out)")
    args = parser.parse_args()
    frameworks, kinds = list(FRAMEWORKS), list(SERVERS)
    if args.quick:
        frameworks, kinds = frameworks[:1], kinds[:1]
    began, blocks = time.monotonic(), list[Block]()

    async def all_blocks() -> None:
        for framework in frameworks:
            for kind in kinds:
                for number in NUMBERS:
                    block = await measure(framework, kind, number)
                    blocks.append(block)
                    noisy = ", noisy: no conclusion is drawn from it" if block.noisy else ""
                    print(f"{framework} on {kind.name}, {number} loops{noisy}", flush=True)

    prober.run(all_blocks())
    return publish(told(blocks, args.quick, began), args.output)


if __name__ == "__main__":
    sys.exit(main())
