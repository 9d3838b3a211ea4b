"""The process that ``nox -s scale`` measures: so many threads, so deep, with so many tasks.

``python -m tools.bench.scaled 500 100 1 --timed 0.5`` blocks its event loop, and a thread takes
samples as the watcher's does, each kind for half a second. Without ``--timed`` the event loop is
idle, and serves a port. The process writes a line of JSON to standard error when it is ready, and
waits to be ended; it ends itself after ``LIFE``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import threading
import time
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.inside.injected import stacks

if TYPE_CHECKING:
    from collections.abc import Callable

LIFE: Final = 120.0  # seconds, if nobody ends the process before
DEEP: Final = 5  # frames of each task
FEWEST, MOST = 5, 500  # samples of a kind
OVER: Final = threading.Event()
"""What every thread waits for; nobody sets it."""


def descend(depth: int, wait: Callable[[], object]) -> None:
    """Wait with so many frames on the stack."""
    if depth > 1:
        descend(depth - 1, wait)
    else:
        wait()


async def wait_within(depth: int) -> None:
    """Wait in a coroutine that so many coroutines await."""
    if depth > 1:
        await wait_within(depth - 1)
    else:
        await asyncio.get_running_loop().create_future()


def start_threads(number: int, depth: int) -> None:
    """Start the threads, and return when each waits at its depth."""
    there = threading.Semaphore(0)

    def wait() -> None:
        there.release()
        OVER.wait()

    for _ in range(number):
        threading.Thread(target=descend, args=(depth, wait), daemon=True).start()
    for _ in range(number):
        assert there.acquire(timeout=LIFE)


def timed(sample: Callable[[], object], seconds: float) -> float:
    """Return the median of the ms that a sample takes, of those that fit into so many seconds."""
    took = list[int]()
    until = time.monotonic() + seconds
    while len(took) < FEWEST or (len(took) < MOST and time.monotonic() < until):
        with stacks.uncollected():  # as the watcher does
            began = time.perf_counter_ns()
            sample()
            took.append(time.perf_counter_ns() - began)
    return median(took) / 1e6


def samples(loop: asyncio.AbstractEventLoop, ident: int, seconds: float) -> dict[str, Any]:
    """Return the times in ms of samples of a loop and of its thread, and the length of an answer.

    These are the calls of ``Watcher._sample`` and ``Watcher._answer``.
    """
    answer = {"threads": stacks.of_threads({ident}), "tasks": stacks.of_tasks([loop])}
    return {
        "stack": timed(lambda: stacks.entries(stacks.of_thread(ident)), seconds),
        "all_threads": timed(lambda: stacks.of_threads({ident}), seconds),
        "all_tasks": timed(lambda: stacks.of_tasks([loop]), seconds),
        "as_json": timed(lambda: json.dumps(answer), seconds),
        "bytes": len(json.dumps(answer)),
    }


def say(**line: object) -> None:
    """Write a line of JSON."""
    print(json.dumps(line), file=sys.stderr, flush=True)


async def run(args: argparse.Namespace) -> None:
    """Make the tasks, and block the event loop or leave it idle."""
    loop, ident = asyncio.get_running_loop(), threading.get_ident()
    tasks = [asyncio.create_task(wait_within(DEEP)) for _ in range(args.tasks - 1)]
    await asyncio.sleep(0)  # each of them runs until it waits
    if not args.timed:
        # Only of a loop that serves does the watcher read the tasks.
        await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        say(pid=os.getpid())
        await asyncio.sleep(LIFE)

    def block() -> None:
        OVER.wait(LIFE)

    def measure() -> None:
        say(pid=os.getpid(), **samples(loop, ident, args.timed))

    threading.Timer(0.1, measure).start()  # by then the event loop is blocked
    descend(args.depth, block)
    del tasks


def main() -> None:
    """Become such a process."""
    parser = argparse.ArgumentParser()
    for name in ("threads", "depth", "tasks"):
        parser.add_argument(name, type=int)
    parser.add_argument("--timed", type=float, default=0.0)
    args = parser.parse_args()
    start_threads(args.threads - 1, args.depth)
    asyncio.run(run(args))


if __name__ == "__main__":
    main()
