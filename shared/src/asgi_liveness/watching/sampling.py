"""Samples of one process while it is sampled, by py-spy and by the system's counters."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from asgi_liveness.inside.injected.stacks import Spent, spent
from asgi_liveness.stalls import spy, stack
from asgi_liveness.stalls.spy import Refused
from asgi_liveness.watching.processes import ended
from asgi_liveness.watching.sampled import ENOUGH, Usage

if TYPE_CHECKING:
    from asgi_liveness.stalls.spy import SpiedThread

EVERY: Final = 0.05
"""Seconds from one sample of a process to the next."""
_LONGER: Final = 5.0
"""Seconds for which samples may be taken after the end, until there are enough."""
_WOKEN: Final = 4
"""How often a sample wakes a thread that waits, at most: 2 to 3.5 times were measured."""
_SECOND: Final = 1e9  # ns
_INSTANT: Final = 1e-9  # seconds


@dataclass
class Sampling:
    """One process while it is sampled."""

    process: int
    dumps: list[tuple[SpiedThread, ...]]
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    refused: str = ""
    gone: str = ""
    """Why there is no more to sample, once the process has ended."""
    _counted: dict[int, Spent] = field(init=False)

    def __post_init__(self) -> None:
        """Read how the threads that run event loops have spent their time before."""
        loops = (each.thread for each in self.dumps[0] if stack.runs_a_loop(each.stack))
        self._counted = {thread: spent(self.process, thread) for thread in loops}

    async def run(self, until: float, turns: asyncio.Semaphore) -> None:
        """Sample the process until a moment, or until it ends.

        On a busy machine it may take longer: a verdict needs enough samples.
        """
        due = self.began
        while (due := max(due + EVERY, time.monotonic())) < until or (
            len(self.dumps) < ENOUGH and due < until + _LONGER
        ):
            await asyncio.sleep(due - time.monotonic())
            async with turns:
                threads = await spy.dump(self.process)
            if not isinstance(threads, Refused):
                self.dumps.append(tuple(threads))
            elif why := ended(self.process):
                self.gone = why
                break
            else:
                self.refused = threads.reason
        self.ended = time.monotonic()

    @property
    def used(self) -> dict[int, Usage]:
        """How each thread that runs an event loop has spent the time so far."""
        found = {}
        passed = max(time.monotonic() - self.began, _INSTANT)
        for thread, before in self._counted.items():
            now = spent(self.process, thread)
            if before.slices and now.slices:
                occupied = (now.ran - before.ran + now.queued - before.queued) / _SECOND
                woken = now.slices - before.slices - _WOKEN * len(self.dumps)
                found[thread] = Usage(occupied / passed, woken / passed)
        return found
