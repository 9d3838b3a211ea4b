"""The cluster's jobs, which log what they do, and the worker that runs them.

    python -m tools.cluster.jobs KIND THREADS

Each process appends to a log of its own in the folder that ``CLUSTER_LOGS`` names. A line is an
event, the job's id, its owner, its fence, and the time of the machine's monotonic clock, which all
processes of one machine share.
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
import socket
import sys
import time
from typing import TYPE_CHECKING, Final

from asgi_liveness import queued
from asgi_liveness.queued import QueuedJob, QueuedJobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOGS: Final = "CLUSTER_LOGS"
"""The variable that names the folder of the logs."""
LONGEST: Final = "CLUSTER_LONGEST"
"""The variable that says how many seconds a short job takes at most; by default 0."""
MOST: Final = 1_000_000  # jobs of a kind: the cluster never refuses one
STEP: Final = 0.02  # seconds between two steps of an endless job
FAILING: Final = "7f"
"""A short job fails if its id begins so: one of 256."""
OWNER: Final = f"{socket.gethostname()}:{os.getpid()}"
dice = random.Random()  # noqa: S311 (no secret)


@functools.cache
def _log(kind: str) -> int:
    path = os.path.join(os.environ[LOGS], f"{kind}-{os.getpid()}.log")  # noqa: PTH118 (as os.open)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


@contextlib.contextmanager
def noted(kind: str, job: QueuedJob) -> Iterator[Callable[[], None]]:
    """Note the start of a job and how its loop ends; yield a function that counts a step.

    Each event is one write, at the end of the log.
    """

    def note(event: str) -> None:
        line = f"{event} {job.key} {OWNER} {job.fence} {time.monotonic()}\n"
        os.write(_log(kind), line.encode())

    def step() -> None:
        job.steps += 1
        note("step")

    note("start")
    try:
        yield step
    except RuntimeError:
        note("failed")
        raise
    note("warned" if job.is_warned else "done")


def short_loop(job: QueuedJob) -> None:
    """Make one step."""
    with noted("short", job) as step:
        if job.running:
            time.sleep(dice.uniform(0, float(os.environ.get(LONGEST, "0"))))
            step()
        if job.key.startswith(FAILING):
            raise RuntimeError("this job fails on purpose")


def endless_loop(job: QueuedJob) -> None:
    """Make steps, until somebody stops the job or its worker."""
    with noted("endless", job) as step:
        while job.running:
            step()
            time.sleep(STEP)


KINDS: Final = {
    "short": QueuedJobs(short_loop, most=MOST, name="short"),
    "endless": QueuedJobs(endless_loop, most=MOST, name="endless"),
}

if __name__ == "__main__":
    queued.KEPT = MOST  # the checker wants the last state of every job
    KINDS[sys.argv[1]].work(int(sys.argv[2]))
