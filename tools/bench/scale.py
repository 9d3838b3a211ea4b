"""Measure how the cost of ``watch`` and ``check`` grows: threads, stacks, tasks, workers, columns.

``nox -s scale`` takes about three minutes and writes results/scale.json; ``-- --quick`` takes half
a minute. Run it on an idle machine. A keeper starts each process that is measured, and ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import json
import os
import platform
import re
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import psutil

from asgi_liveness.inside.injected.stacks import spent
from asgi_liveness.serving.launched import Launched
from asgi_liveness.stalls import spy
from tools.bench.costs import cost
from tools.bench.scale_table import tables
from tools.comparison import ROOT
from tools.tool import run_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MAX_STALL: Final = 0.2  # seconds, the default of ``watch``
START: Final = 60.0  # seconds for a process to be ready
POLL: Final = 0.02  # seconds
SETTLE: Final = 1.0  # seconds from then on, in which imports and first requests for stacks end
WATCH: Final = ("-m", "asgi_liveness", "watch", "--quiet", "--", sys.executable)
SCALED: Final = ("-m", "tools.bench.scaled")
UVICORN: Final = ("-m", "uvicorn", "tools.bench.heartbeat:app", "--port", "{port}", "--workers")
SERVES: Final = re.compile(r"Application startup complete")  # a line of each worker of uvicorn


class Size(NamedTuple):
    """The size of a process."""

    threads: int
    depth: int
    """Frames on the stack of each thread."""
    tasks: int

    @property
    def words(self) -> tuple[str, ...]:
        """The command that becomes such a process, without the interpreter."""
        return (*SCALED, *map(str, self))


class Plan(NamedTuple):
    """What a run measures, and for how long."""

    sizes: Sequence[Size]
    timed: float
    """Seconds for samples of each kind."""
    dumps: int
    idle: Sequence[Size]
    workers: Sequence[int]
    seconds: int
    """Seconds for which the time on a processor is counted, each of them apart."""
    columns: Sequence[tuple[int, int]]
    """Frameworks and servers of each comparison."""


LEAST: Final = Size(1, 10, 1)
WHOLE: Final = Plan(
    sizes=(
        LEAST,
        *(LEAST._replace(threads=number) for number in (50, 500)),
        *(LEAST._replace(depth=number) for number in (100, 500)),
        *(LEAST._replace(tasks=number) for number in (1_000, 10_000)),
        Size(500, 500, 10_000),
    ),
    timed=0.3,
    dumps=11,
    idle=(LEAST, Size(500, 10, 1), Size(1, 10, 10_000), Size(500, 100, 10_000)),
    workers=(1, 2, 8),
    seconds=7,
    columns=((1, 1), (1, 3), (3, 1), (3, 3)),
)
QUICK: Final = Plan(
    sizes=(LEAST, Size(50, 10, 1), Size(1, 100, 1), Size(1, 10, 1_000)),
    timed=0.1,
    dumps=3,
    idle=(LEAST, Size(50, 10, 1)),
    workers=(1, 2),
    seconds=2,
    columns=((1, 1),),
)


def sizes(plan: Plan) -> Iterable[dict[str, Any]]:
    """Yield what a sample of a process of each size takes, in ms: from inside, and by py-spy."""
    for size in plan.sizes:
        with started(*size.words, "--timed", str(plan.timed)) as server:
            found = said(server)
            process = found.pop("pid")
            yield {**size._asdict(), **found, **dumps(process, plan.dumps)}


def dumps(process: int, number: int) -> dict[str, Any]:
    """Return the ms of a dump by py-spy, or why it made none."""
    took = []
    for _ in range(number):
        began = time.monotonic()
        found = asyncio.run(spy.dump(process))
        took.append((time.monotonic() - began) * 1000)
        if isinstance(found, spy.Refused):
            return {"dump": None, "refused": found.reason}
    return {"dump": median(took)}


def idle(plan: Plan) -> Iterable[dict[str, Any]]:
    """Yield the ms a second for which an idle process of each size runs: alone and watched."""
    for size in plan.idle:
        with (  # at the same time: all of them together hardly use a processor
            started(*size.words) as alone,
            started(*size.words, max_stall=MAX_STALL) as beats,
            started(*WATCH, *size.words) as watch,
        ):
            processes = [said(each)["pid"] for each in (alone, beats, watch)]
            names = ("alone", "heartbeat", "watched", "watch")
            times = used([*processes, watch.pid], plan.seconds)
        yield {**size._asdict(), **dict(zip(names, times, strict=True))}


def workers(plan: Plan) -> Iterable[dict[str, Any]]:
    """Yield the ms a second for which ``watch``, its keeper and idle workers of uvicorn run."""
    for number in plan.workers:
        with started(*WATCH, *UVICORN, str(number)) as server:
            until(
                server,
                lambda text, number=number: len(SERVES.findall(text)) == number,  # type: ignore[misc]
            )
            (keeper,) = psutil.Process(server.pid).children()
            servers = [each.pid for each in keeper.children(recursive=True)]
            watch, keeps, *serve = used([server.pid, keeper.pid, *servers], plan.seconds)
            yield {"workers": number, "watch": watch, "keeper": keeps, "servers": sum(serve)}


def matrix(plan: Plan) -> Iterable[dict[str, Any]]:
    """Yield the seconds that comparisons take."""
    for frameworks, servers in plan.columns:
        yield cost(frameworks, servers, "LIVE", 1)


def started(*words: str, max_stall: float | None = None) -> Launched:
    """Return the process of a Python, which begins in a ``with`` block and ends with it."""
    return Launched((sys.executable, *words), max_stall=max_stall)


def until(server: Launched, condition: Callable[[str], Any]) -> Any:
    """Return what is found in the log, as soon as anything is."""
    limit = time.monotonic() + START
    while not (found := condition(server.log())):
        if server.ended or time.monotonic() > limit:
            sys.exit(f"{' '.join(server.command)} was not ready: {server.last_words()}")
        time.sleep(POLL)
    return found


def said(server: Launched) -> dict[str, Any]:
    """Return what a process of ``tools.bench.scaled`` says when it is ready."""
    line = until(server, lambda text: re.search(r"^\{.*\}$", text, re.MULTILINE))
    found: dict[str, Any] = json.loads(line[0])
    return found


def used(processes: Sequence[int], seconds: int) -> list[float]:
    """Return the median ms a second for which each of the processes runs."""
    time.sleep(SETTLE)
    began, before, found = time.monotonic(), [ran(process) for process in processes], []
    for _ in range(seconds):
        time.sleep(1.0)
        now, after = time.monotonic(), [ran(process) for process in processes]
        rates = ((b - a) / 1e6 / (now - began) for a, b in zip(before, after, strict=True))
        found.append(list(rates))
        began, before = now, after
    return list(map(median, zip(*found, strict=True)))


def ran(process: int) -> int:
    """Return the ns for which all threads of a process have run; finer than ``cpu_times``."""
    return sum(
        spent(process, int(task.name))[0] for task in Path(f"/proc/{process}/task").iterdir()
    )


def main() -> int:
    """Measure all of it, and write the result."""
    parser = argparse.ArgumentParser(prog="nox -s scale --", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer sizes, for half a minute")
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "scale.json")
    args = parser.parse_args()
    if not ran(os.getpid()):
        sys.exit("this system does not count how long threads run (/proc/PID/task/TID/schedstat)")
    plan, began = QUICK if args.quick else WHOLE, time.monotonic()
    result: dict[str, Any] = {
        "versions": {name: importlib.metadata.version(name) for name in ("py-spy", "uvicorn")},
        "python": platform.python_version(),
        "system": f"{platform.system()}, {os.cpu_count()} cores",
        "quick": args.quick,
    }
    for measure in (sizes, idle, workers, matrix):
        rows = result[measure.__name__] = []
        for row in measure(plan):
            rows.append(row)
            print(f"{measure.__name__}: {row}", flush=True)
    result["seconds"] = round(time.monotonic() - began)
    args.output.parent.mkdir(exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n")
    print(tables(result))
    return 0


if __name__ == "__main__":
    run_tool(main)
