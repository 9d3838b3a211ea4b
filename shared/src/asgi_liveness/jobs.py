"""Loops that outlive the requests that start them, each owned by the app.

    jobs = Jobs(most=1000)
    if jobs.full:
        ...  # refuse the request: 503
    key = jobs.start(loop)  # async def loop(job: Job) -> None
    jobs[key].status()
    await jobs[key].stop()

Call ``await jobs.stop()`` when the app shuts down: then no job outlives the app. A task that
nobody keeps can be garbage-collected, and nobody can stop it or see that it failed.

To use it without the kit, copy this file: it imports only the standard library.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from contextvars import Context
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Loop = Callable[["Job"], Coroutine[None, None, None]]

logger = logging.getLogger(__name__)


class Job:
    """One loop that runs in a task of its own, its step count and its state.

    The loop counts its own ``steps``. The ``state`` is ``running``, ``ended``, ``stopped`` or
    ``failed``; after a failure, ``error`` is the text of the exception.
    """

    def __init__(self, loop: Loop) -> None:
        self.steps, self.state, self.error = 0, "running", ""
        # An empty context: a copy of the current one would keep the request's objects alive.
        self.task = asyncio.create_task(self._run(loop), context=Context())

    async def _run(self, loop: Loop) -> None:
        try:
            await loop(self)
            self.state = "ended"
        except asyncio.CancelledError:
            self.state = "stopped"
        except Exception as error:
            self.state, self.error = "failed", str(error)
            logger.exception("a job failed")

    async def stop(self) -> None:
        """Cancel the loop if it still runs, and wait until it has ended."""
        if not self.task.cancelling():  # a second cancellation would interrupt its clean-up
            self.task.cancel()
        await asyncio.wait({self.task})

    def status(self) -> dict[str, int | str]:
        """Return the job's steps, state and error, as JSON can hold them."""
        return {"steps": self.steps, "state": self.state, "error": self.error}


class Jobs(dict[str, Job]):
    """The jobs of one route by id: at most *most* that run, and the last *most* that ended."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    @property
    def full(self) -> bool:
        """Whether *most* jobs are running."""
        return sum(not job.task.done() for job in self.values()) >= self.most

    def start(self, loop: Loop) -> str:
        """Start a loop as a job and return the job's id.

        This forgets the oldest of the ended jobs, as far as there are more than *most* of them.
        """
        ended = [key for key, job in self.items() if job.task.done()]
        for key in ended[: -self.most]:
            del self[key]
        key = uuid.uuid4().hex
        self[key] = Job(loop)
        return key

    async def stop(self) -> None:
        """Stop all jobs and wait until they have ended."""
        await asyncio.gather(*(job.stop() for job in self.values()))
