"""Loops that outlive their requests, in Quart's column: nothing here is of a framework.

The app's lifespan owns them. That is all the difference to a task that nobody waits for.
"""

import asyncio
import contextvars
import logging
import uuid
from collections.abc import Callable, Coroutine

logger = logging.getLogger(__name__)


class Job:
    """One loop: what it has done, and what became of it."""

    def __init__(self, loop: Callable[["Job"], Coroutine[None, None, None]]) -> None:
        self.steps, self.state, self.error = 0, "running", ""
        # A context of its own: in a copy the job would keep the request that started it.
        self.task = asyncio.create_task(self._run(loop), context=contextvars.Context())

    async def _run(self, loop: Callable[["Job"], Coroutine[None, None, None]]) -> None:
        try:
            await loop(self)
            self.state = "ended"
        except asyncio.CancelledError:
            self.state = "stopped"
        except Exception as error:
            self.state, self.error = "failed", str(error)
            logger.exception("a job failed")

    async def stop(self) -> None:
        """End the loop, if it still runs, and wait for its end."""
        if not self.task.cancelling():  # to stop it twice must not cut its clean-up short
            self.task.cancel()
        await asyncio.wait({self.task})

    def seen(self) -> dict[str, int | str]:
        """What its client may know."""
        return {"steps": self.steps, "state": self.state, "error": self.error}


class Jobs(dict[str, Job]):
    """The jobs of one route by id: those that run, and as many that ended last."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    @property
    def full(self) -> bool:
        """Whether as many run as may."""
        return sum(not job.task.done() for job in self.values()) >= self.most

    def start(self, loop: Callable[[Job], Coroutine[None, None, None]]) -> str:
        """Start a loop, forget the job that ended before all others, and return the new id."""
        ended = [key for key, job in self.items() if job.task.done()]
        for key in ended[: -self.most]:
            del self[key]
        key = uuid.uuid4().hex
        self[key] = Job(loop)
        return key

    async def stop(self) -> None:
        """End them all."""
        await asyncio.gather(*(job.stop() for job in self.values()))
