"""A worker of one small loop: ``python -m tests.apps.queue_worker noting 8``.

Each step of ``noting`` is a line in the file that ``NOTES`` names: the job, its fence, the process
and the step. Every process appends to the one file, so its order is the order of events.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from asgi_liveness.queued import QueuedJob, QueuedJobs, UnavailableError

NOTES = "QUEUE_NOTES"


def noting(job: QueuedJob) -> None:
    """Step until somebody stops the job, and append each step to the notes."""
    notes = os.open(os.environ[NOTES], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        while job.running:
            job.steps += 1
            os.write(notes, f"{job.key} {job.fence} {os.getpid()} {job.steps}\n".encode())
            time.sleep(0.01)
    finally:
        os.close(notes)


def short(job: QueuedJob) -> None:
    """End after three steps."""
    job.steps += 3


def gated(job: QueuedJob) -> None:
    """End when the file of the notes exists."""
    while job.running and not Path(os.environ[NOTES]).exists():
        job.steps += 1
        time.sleep(0.01)


def failing(job: QueuedJob) -> None:
    """Fail in the second step."""
    job.steps += 1
    raise ValueError("no such file")


def quitting(job: QueuedJob) -> None:
    """Try to end the process."""
    job.steps += 1
    sys.exit("this is the end")


def computing(job: QueuedJob) -> None:
    """Compute in Python until somebody stops the job."""
    while job.running:
        job.steps += sum(range(1000)) and 1


LOOPS: dict[str, Callable[[QueuedJob], None]] = {
    loop.__name__: loop for loop in (noting, short, gated, failing, quitting, computing)
}


def jobs_of(loop: str, most: int = 8) -> QueuedJobs:
    """Return the jobs of a loop, as each process of a test needs them."""
    return QueuedJobs(LOOPS[loop], most, loop)


def main() -> str:
    """Work; return why it cannot."""
    try:
        jobs_of(sys.argv[1]).work(int(sys.argv[2]))
    except UnavailableError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    logging.basicConfig()
    sys.exit(main() or None)
