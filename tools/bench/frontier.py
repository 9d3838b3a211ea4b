"""Measure how fast loops run and how long requests wait meanwhile, for each way to run loops.

``nox -s frontier`` measures all ways on each framework and server, with 1 to 1,000 loops, in ten
minutes; ``-- --quick`` one framework and server in a minute. Table and picture come from the JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS, ServerKind, version
from tools.bench import prober
from tools.bench.costs import costs
from tools.bench.loops import NUMBERS, Loops
from tools.bench.picture import NOTHING, picture, table
from tools.bench.ways import MOST, WAYS
from tools.comparison import FRAMEWORKS
from tools.tool import run_tool

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

PROBED: Final = 0.45  # seconds of probes for one way
COUNTED: Final = 0.25  # seconds of counted steps, without probes
BARE: Final = 0.2  # seconds that the bare loop freezes the app
RESTLESS: Final = 2.0
"""How many times longer the median wait of one control of a block may be than the other's. On an
idle machine, a core that slept responds twice as late as a core that has just worked."""
UNEVEN: Final = 1.25
"""How many times faster the bare loop of one control may be than the other's. Beyond either limit
the machine had other work, and the block is left out."""
PACKAGES: Final = ("fastapi", "starlette", "quart", "uvicorn", "uvloop", "hypercorn", "anyio")


@dataclass
class Control:
    """The machine itself: a probe's median wait in ms in the idle app, and the bare loop's rate."""

    p50: float
    rate: float


@dataclass
class Block:
    """The results of all ways with one number of loops on one framework and server."""

    framework: str
    server: str
    loops: int
    before: Control
    after: Control | None = None
    speeds: dict[str, float] = field(default_factory=dict)
    """Steps a second of all loops, as a part of the bare loop's mean before and after."""
    waits: dict[str, dict[str, float]] = field(default_factory=dict)
    """Waits in ms, by percentile; empty for a way with an unanswered probe."""
    histograms: dict[str, HdrHistogram] = field(default_factory=dict)

    @property
    def noisy(self) -> bool:
        """Whether the controls differ too much."""
        assert self.after is not None
        waits = sorted([self.before.p50, self.after.p50])
        rates = sorted([self.before.rate, self.after.rate])
        return waits[1] > RESTLESS * waits[0] or rates[1] > UNEVEN * rates[0]

    @property
    def as_json(self) -> dict[str, Any]:
        """The block as it is written to the JSON."""
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
    """Return the percentiles of the waits, in milliseconds."""
    at = histogram.get_value_at_percentile
    return {f"p{share:g}": at(share) / 1000 for share in (50, 99, 99.9)}


async def control(server: Server, probes: prober.Prober, block: Block | None) -> Control:
    """Measure the idle app, and the bare loop."""
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
        await control(
            server, probes, None
        )  # a server's first control is slow, and so is an idle core
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
    """Return a row for each way and number of loops, pooled from the blocks that are not noisy."""
    rows = []
    for way in (NOTHING, *WAYS):
        for number in NUMBERS:
            quiet = [block for block in blocks if block.loops == number and not block.noisy]
            used = [block for block in quiet if way == NOTHING or block.waits.get(way)]
            if used:
                waits = prober.histogram()
                for block in used:
                    waits.add(block.histograms[way])
                speeds = [block.speeds[way] for block in used if way in block.speeds]
                rows.append(
                    {
                        "way": way,
                        "loops": number,
                        "blocks": len(used),
                        "probes": waits.get_total_count(),
                        "speed": round(statistics.median(speeds), 3) if speeds else None,
                        **percentiles(waits),
                    }
                )
    return rows


def as_json(blocks: list[Block], quick: bool, began: float) -> dict[str, Any]:
    """Return the whole result, as it is written."""
    return {
        "schema": 1,
        "python": platform.python_version(),
        "system": f"{platform.system()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in PACKAGES},
        "quick": quick,
        "pooled": pooled(blocks),
        "noisy": sum(block.noisy for block in blocks),
        "blocks": [block.as_json for block in blocks],
        "costs": costs(quick),
        "seconds": round(time.monotonic() - began, 1),
    }


def publish(result: dict[str, Any], folder: Path) -> int:
    """Write JSON and picture, and print the table; return 1 if all blocks were noisy."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "frontier.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    if not result["pooled"]:
        print(f"{path}: every block was too noisy; run the bench again on an idle machine")
        return 1
    (folder / "frontier.svg").write_text(picture(result))
    print(table(result))
    print(f"{path} and frontier.svg in {result['seconds']:.0f} s")
    return 0


def main() -> int:
    """Measure and publish; return 1 if every block was too noisy."""
    parser = argparse.ArgumentParser(prog="nox -s frontier --", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one framework and server, a minute")
    parser.add_argument(
        "--output", type=Path, default=Path("out"), help="the folder for the result (out)"
    )
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
                    noisy = ", noisy: left out" if block.noisy else ""
                    print(f"{framework} on {kind.name}, {number} loops{noisy}", flush=True)

    prober.run(all_blocks())
    return publish(as_json(blocks, args.quick, began), args.output)


if __name__ == "__main__":
    run_tool(main)
