"""An event loop for tests of paced loops: it counts its passes, on a clock of the test's own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop

from asgi_liveness.pacing import Pace

ITERATION, SLICE, WORK = 10e-6, 1e-3, 100e-6  # seconds that an iteration, a slice, other work takes
ITERATIONS = 100  # in a slice
MOST_PASSES = 500  # that a test waits for
each_spelling = pytest.mark.parametrize("by_slices", [False, True], ids=["await", "slices"])
each_event_loop = pytest.mark.parametrize(
    "factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
Factory = Callable[[], asyncio.AbstractEventLoop]


class LostSlice(AssertionError):
    """A loop waits for a slice and never gets it."""


@dataclass
class Clock:
    """A clock that tests set; each reading takes a microsecond."""

    now: float = 0.0

    def __call__(self) -> float:
        self.now += 1e-6
        return self.now


@dataclass
class Stage:
    """The order of events in an event loop."""

    clock: Clock
    passes: int = 0
    awaits: int = 0
    """The number of awaits of a pace."""
    empty: float = 0.0
    """The seconds that each pass takes in addition to the readings of the clock."""
    slices: list[tuple[int, int]] = field(default_factory=list)
    """For each slice, the number of the await that waited for it, and of the pass."""

    def count(self) -> None:
        self.passes += 1
        self.clock.now += self.empty
        asyncio.get_running_loop().call_soon(self.count)

    async def loop(
        self,
        iterations: float,
        least_share: float = 0.05,
        *,
        by_slices: bool = False,
        stop: int = 0,
    ) -> None:
        """Run a paced loop of so many iterations, in either spelling.

        By slices, it stops the inner loop after each *stop* iterations, if that is not 0.
        """
        paced = self._loop_by_slices if by_slices else self._loop_by_awaits
        number = self.awaits = self.awaits + 1
        async with Pace(SLICE, least_share) as pace:
            self.slices.append((number, self.passes))
            await paced(pace, iterations, stop)

    async def _loop_by_awaits(self, pace: Pace, iterations: float, _: int) -> None:
        while iterations > 0:
            iterations -= 1
            self.clock.now += ITERATION
            before, number = self.passes, self.awaits + 1
            self.awaits += 1
            await pace
            if self.passes != before:
                self.slices.append((number, self.passes))

    async def _loop_by_slices(self, pace: Pace, iterations: float, stop: int) -> None:
        made, before, number = 0, self.passes, 0
        async for slice in pace:  # noqa: A001 (the term)
            if self.passes != before:
                self.slices.append((number, self.passes))
            for _ in slice:
                if made == iterations:
                    return
                made += 1
                self.clock.now += ITERATION
                if stop and not made % stop:
                    break
            before, number = self.passes, self.awaits + 1
            self.awaits += 1

    async def work(self, passes: float = math.inf, seconds: float = WORK) -> None:
        """Give the event loop other work of so many seconds, in so many passes."""
        while passes > 0:
            passes -= 1
            self.clock.now += seconds
            await asyncio.sleep(0)

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until *happened* returns true, for ``MOST_PASSES`` at most."""
        for _ in range(MOST_PASSES):
            if happened():
                return
            await asyncio.sleep(0)
        raise LostSlice(f"not within {MOST_PASSES} passes")

    async def all_end(self, tasks: list[asyncio.Task[None]]) -> None:
        await self.until(lambda: all(task.done() for task in tasks))


def on_stage(
    clock: Clock,
    play: Callable[[Stage], Coroutine[Any, Any, None]],
    factory: Factory = asyncio.new_event_loop,
) -> Stage:
    stage = Stage(clock)

    async def played() -> None:
        stage.count()
        await play(stage)

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(played())
    return stage
