"""Samples of one process while it is sampled, by py-spy and by the system's counters."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

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
_QUIET: Final = 0.02
"""Seconds between two samples, at least. How a thread spends its time counts only there: a sample
stops all threads and wakes them, on a busy machine for most of the time."""
_SECOND: Final = 1e9  # ns


class _Count(NamedTuple):
    """How threads have spent their time up to a moment."""

    at: float
    of: dict[int, Spent]


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
    _quiet: list[tuple[_Count, _Count]] = field(default_factory=list, init=False)
    """The counts at the beginning and the end of each time between two samples."""

    async def run(self, until: float, turns: asyncio.Semaphore) -> None:
        """Sample the process until a moment, or until it ends.

        On a busy machine it may take longer: a verdict needs enough samples.
        """
        due, before = self.began, self._count()
        while (due := max(due + EVERY, before.at + _QUIET)) < until or (
            len(self.dumps) < ENOUGH and due < until + _LONGER
        ):
            await asyncio.sleep(due - time.monotonic())
            async with turns:
                self._quiet.append((before, self._count()))
                threads = await spy.dump(self.process)
                before = self._count()
            if not isinstance(threads, Refused):
                self.dumps.append(tuple(threads))
            elif why := ended(self.process):
                self.gone = why
                break
            else:
                self.refused = threads.reason
        self.ended = time.monotonic()

    def _count(self) -> _Count:
        loops = (each.thread for each in self.dumps[0] if stack.runs_a_loop(each.stack))
        return _Count(time.monotonic(), {each: spent(self.process, each) for each in loops})

    @property
    def used(self) -> dict[int, Usage]:
        """How each thread that runs an event loop has spent the time between the samples."""
        found = {}
        passed = sum(after.at - before.at for before, after in self._quiet)
        for thread in self._quiet[0][0].of if self._quiet else ():
            pairs = [(before.of[thread], after.of[thread]) for before, after in self._quiet]
            if all(one.slices for pair in pairs for one in pair):
                ran = sum(now.ran - was.ran for was, now in pairs)
                queued = sum(now.queued - was.queued for was, now in pairs)
                woken = sum(now.slices - was.slices for was, now in pairs)
                found[thread] = Usage((ran + queued) / _SECOND / passed, woken / passed)
        return found
