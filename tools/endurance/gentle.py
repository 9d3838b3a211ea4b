"""Compare the endings of servers whose loops are gentle with those of busy loops.

``nox -s gentle`` judges every case that ends servers twice, with each kind of loops: an outcome
that differs, or an exit that comes with one kind only, is an error. ``-- fastapi`` takes a column.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from asgi_liveness.conformance.cases import CASES
from asgi_liveness.conformance.places import Places
from asgi_liveness.conformance.promises import lacking
from asgi_liveness.conformance.runner import Runner
from asgi_liveness.serving.servers import choose_servers
from asgi_liveness.serving.worker import worker_command
from tools.comparison import COMPARISON, FRAMEWORKS
from tools.tool import run_tool

if TYPE_CHECKING:
    from asgi_liveness.conformance.cell import Cell, Result

_BUSY_AT_ONCE = 8  # servers: with more, their loops starve each other


def main() -> int:
    """Print what differs; return 1 if anything does."""
    parser = argparse.ArgumentParser(prog="nox -s gentle --", description=__doc__)
    parser.add_argument(
        "framework", nargs="*", help=f"one of {', '.join(FRAMEWORKS)}; default: all"
    )
    args = parser.parse_args()
    if unknown := set(args.framework) - FRAMEWORKS.keys():
        parser.error(f"there is no column {min(unknown)!r}; there are {', '.join(FRAMEWORKS)}")
    targets = [FRAMEWORKS[name] for name in args.framework or FRAMEWORKS]
    gentle = judged(targets, "gentle")
    Places.gentle, Places.most = False, _BUSY_AT_ONCE
    busy = judged(targets, "busy")
    different = [
        f"{cell.target} on {cell.server.name}: {cell.case.name}: {shown(result)} with gentle "
        f"loops, {shown(busy[cell])} with busy ones"
        for cell, result in gentle.items()
        if shown(result) != shown(busy[cell])
    ]
    print(*different, f"{len(different)} of {len(gentle)} cells differ", sep="\n")
    return 1 if different else 0


def judged(targets: list[str], kind: str) -> dict[Cell, Result]:
    """Judge all cases that end servers, and print how long that took."""
    began = time.monotonic()
    servers = choose_servers(COMPARISON["servers"])
    lacks = lacking(has=COMPARISON["remedies"].split(","))
    cases = [case for case in CASES if case.ends_servers]
    worker = worker_command(COMPARISON["worker"])
    with Runner(targets, servers, cases, lacks=lacks, worker=worker) as runner:
        runner.judge_together(runner.cells)
        results = {cell: runner.judge(cell) for cell in runner.cells}
    print(f"{len(results)} cells with {kind} loops: {time.monotonic() - began:.0f} s", flush=True)
    return results


def shown(result: Result) -> str:
    """Return the outcome, and after which signals the server exited."""
    exits = ", ".join(name for name, seconds in result.measured.items() if seconds is not None)
    return f"{result.outcome}{f' (exits: {exits})' if result.measured else ''}"


if __name__ == "__main__":
    run_tool(main)
