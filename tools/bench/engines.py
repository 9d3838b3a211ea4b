"""Measure task queues with an endless loop that computes: start, stop, and the end of a worker.

``nox -s engines -- 5`` makes five runs of each engine, in a process and a folder of its own. A run
starts and stops five jobs. Then it deploys: a worker with a sixth job gets SIGTERM, and another
worker starts at once. A worker that has not ended after the limit is killed, as systemd and
Kubernetes do. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from asgi_liveness.inside.ledger import PATH_VARIABLE, Ledger
from asgi_liveness.queued import SETTING, queued_jobs
from tools.apps import engine_jobs
from tools.bench.engine_table import ENGINES, GOES_ON, JOBS, LOST, TWICE, table
from tools.comparison import ROOT
from tools.tool import run_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LIMIT: Final = 15.0  # seconds that a worker gets after SIGTERM
START: Final = 60.0  # seconds for the start of a worker, and of a job
QUIET: Final = 0.5  # seconds without a step after which a loop has made its last one
WATCHED: Final = 5.0  # seconds for which a job may go on after its worker is gone
POLL: Final = 0.001  # seconds
SAMPLE: Final = 0.1  # seconds, in which a loop that runs makes thousands of steps
AT_ONCE: Final = 3  # samples in a row in which two loops step: no moment between two runs
CELERY: Final = ("celery", "-A", "tools.apps.engine_jobs:queue", "worker", "-c", "2", "-l", "INFO")
WORKERS: Final = {
    "huey": (("asgi_liveness.queued", "2"), "waiting for jobs in"),
    "celery": (CELERY, " ready."),
    "celery-late": (CELERY, " ready."),
}
"""The command of each engine's worker, and what it logs when it is ready."""


class Sample(NamedTuple):
    """The steps of each loop at a time in seconds."""

    at: float
    steps: list[int]


def fate(samples: Sequence[Sample], gone: float) -> str:
    """Return what became of a job whose worker was gone at a time."""
    at_once, goes_on = 0, False
    for earlier, later in pairwise(samples):
        before = earlier.steps + [0] * (len(later.steps) - len(earlier.steps))
        stepping = sum(b < a for b, a in zip(before, later.steps, strict=True))
        at_once = at_once + 1 if stepping > 1 else 0
        if at_once == AT_ONCE:
            return TWICE
        goes_on = goes_on or bool(stepping and earlier.at > gone)
    return GOES_ON if goes_on else LOST


class Run:
    """One run of an engine. Its processes have the environment of this one."""

    def __init__(self, engine: str, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self.ledger = Ledger.create(Path(os.environ[PATH_VARIABLE]))

    def measure(self) -> dict[str, Any]:
        """Return the times in seconds, and what became of the job."""
        with self.working():
            pairs = [self.start_and_stop() for _ in range(JOBS)]
        with self.working() as worker:  # that has stopped no job: in Celery this makes a difference
            number = self.ledger.taken
            self.start()
            self.first_step(number)
            end, became = self.deploy(worker)
        return {
            "starts": [start for start, _ in pairs],
            "stops": [stop for _, stop in pairs],
            "end": end,
            "fate": became,
        }

    @contextlib.contextmanager
    def working(self) -> Iterator[subprocess.Popen[bytes]]:
        """Start a worker, without waiting until it is ready; kill what is left of it."""
        command, ready = WORKERS[self.engine]
        log = self.folder / f"log-{time.monotonic_ns()}"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )
        try:
            until(lambda: ready in log.read_text(), f"the worker of {self.engine} was not ready")
            yield process
        finally:
            kill(process)

    def start(self) -> Callable[[], object]:
        """Queue the loop, and return what stops it."""
        if self.engine == "huey":
            key = queued_jobs.start()
            return lambda: queued_jobs.stop(key)
        task = engine_jobs.late if self.engine == "celery-late" else engine_jobs.early
        result = task.delay()
        return lambda: engine_jobs.queue.control.revoke(result.id, terminate=True)

    def start_and_stop(self) -> tuple[float, float]:
        """Return the seconds until a job's first step, and from its stop to its last step."""
        number, began = self.ledger.taken, time.monotonic()
        stop = self.start()
        start = self.first_step(number) - began
        time.sleep(QUIET)
        began = last = time.monotonic()
        caller = threading.Thread(target=stop)
        caller.start()
        steps = self.steps()
        while caller.is_alive() or time.monotonic() < last + QUIET:
            time.sleep(POLL)
            if self.steps() != steps:
                steps, last = self.steps(), time.monotonic()
            if last > began + START:
                sys.exit(f"{self.engine} did not stop the job within {START:g} s")
        return start, last - began

    def first_step(self, number: int) -> float:
        """Return the time at which the loop of a number has made a step."""
        until(
            lambda: len(self.steps()) > number and self.steps()[number],
            f"{self.engine} did not start the job",
        )
        return time.monotonic()

    def steps(self) -> list[int]:
        """Return the steps of each loop."""
        return [loop.steps for loop in self.ledger.loops()]

    def deploy(self, worker: subprocess.Popen[bytes]) -> tuple[float | None, str]:
        """Replace a worker; return the seconds until its end, and what became of its job."""
        samples, over = list[Sample](), threading.Event()

        def sample() -> None:
            while not over.wait(SAMPLE):
                samples.append(Sample(time.monotonic(), self.steps()))

        sampler = threading.Thread(target=sample)
        sampler.start()
        ends = list[float]()

        def wait() -> None:
            worker.wait()
            ends.append(time.monotonic())

        waiter = threading.Thread(target=wait)
        try:
            began = time.monotonic()
            worker.terminate()
            waiter.start()
            with self.working():
                waiter.join(max(0.0, began + LIMIT - time.monotonic()))
                end = ends[0] if ends else None
                kill(worker)
                waiter.join()
                time.sleep(WATCHED)
        finally:
            over.set()
            sampler.join()
        return end and end - began, fate(samples, ends[0])


def until(condition: Callable[[], object], failure: str) -> None:
    """Wait until a condition holds; end with the failure if it does not."""
    limit = time.monotonic() + START
    while not condition():
        if time.monotonic() > limit:
            sys.exit(f"{failure} within {START:g} s")
        time.sleep(POLL)


def kill(worker: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group of a worker."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


def run(engine: str) -> dict[str, Any]:
    """Run an engine once, in a process of its own, which no earlier run has touched."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("messages", "control"):
            (folder / part).mkdir()
        done = subprocess.run(
            [sys.executable, "-m", "tools.bench.engines", "--one", engine],
            cwd=ROOT,
            env={
                **os.environ,
                PATH_VARIABLE: str(folder / "ledger"),
                SETTING: f"sqlite:///{folder / 'queue.sqlite'}",
                engine_jobs.SETTING: name,
            },
            stdout=subprocess.PIPE,
            check=True,
        )
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def joined(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the runs of one engine as one row."""
    return {
        "starts": [time for run in runs for time in run["starts"]],
        "stops": [time for run in runs for time in run["stops"]],
        "ends": [run["end"] for run in runs],
        "fates": [run["fate"] for run in runs],
    }


def main() -> int:
    """Measure all engines, and write the result."""
    parser = argparse.ArgumentParser(prog="nox -s engines --", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=5, help="runs of each engine (5)")
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "engines.json")
    parser.add_argument("--one", choices=ENGINES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        folder = Path(os.environ[engine_jobs.SETTING])
        print(json.dumps(Run(args.one, folder).measure()))
        return 0
    runs: dict[str, list[dict[str, Any]]] = {engine: [] for engine in ENGINES}
    for number in range(args.count):
        for engine, found in runs.items():  # by turns: a busy moment meets all of them
            found.append(run(engine))
            print(f"run {number + 1}, {engine}: {found[-1]['fate']}", flush=True)
    result = {
        "versions": {name: importlib.metadata.version(name) for name in ("huey", "celery")},
        "cores": os.cpu_count(),
        "limit": LIMIT,
        "engines": {engine: joined(found) for engine, found in runs.items()},
    }
    args.output.parent.mkdir(exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))
    return 0


if __name__ == "__main__":
    run_tool(main)
