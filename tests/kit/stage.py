"""Where paced loops are watched: passes of an event loop are counted, the clock is our own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop

from asgi_liveness.pacing import Pace

TURN, SLICE, WORK = 10e-6, 1e-3, 100e-6  # seconds: of a turn, of a slice, of something else
TURNS = 100  # in a slice
MOST_PASSES = 500
each_event_loop = pytest.mark.parametrize(
    "factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
Factory = Callable[[], asyncio.AbstractEventLoop]


class LostTurn(AssertionError):
    """A loop waits for a slice, and never gets it."""


@dataclass
class Clock:
    """It goes on when it is told to, and by a microsecond each time that it is read."""

    now: float = 0.0

    def __call__(self) -> float:
        self.now += 1e-6
        return self.now


@dataclass
class Stage:
    """What happens in an event loop, in which order."""

    clock: Clock
    passes: int = 0
    asks: int = 0
    """How often a loop had to wait for a slice."""
    slices: list[tuple[int, int]] = field(default_factory=list)
    """For each slice the number of its ask, and of the pass."""

    def count(self) -> None:
        self.passes += 1
        asyncio.get_running_loop().call_soon(self.count)

    async def loop(self, turns: int, least_share: float = 0.05) -> None:
        """Make so many turns."""
        number = self.asks = self.asks + 1
        async with Pace(SLICE, least_share) as pace:
            self.slices.append((number, self.passes))
            for _ in range(turns):
                self.clock.now += TURN
                before, number = self.passes, self.asks + 1
                self.asks += 1
                await pace
                if self.passes != before:
                    self.slices.append((number, self.passes))

    async def work(self, passes: float = math.inf) -> None:
        """Be something else that the event loop has to do, in so many passes."""
        while passes > 0:
            passes -= 1
            self.clock.now += WORK
            await asyncio.sleep(0)

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait for so many passes and no longer."""
        for _ in range(MOST_PASSES):
            if happened():
                return
            await asyncio.sleep(0)
        raise LostTurn("it does not happen")

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
