"""Paced loops take turns, and give way: shown by the order of events, on a clock of our own."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from asgi_liveness import pacing
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


class Failure(Exception):
    """What a loop raises."""


@dataclass
class Clock:
    """It goes on when it is told to, and by a microsecond each time that it is read."""

    now: float = 0.0

    def __call__(self) -> float:
        self.now += 1e-6
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pacing, "perf_counter", clock)
    return clock


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


# Whatever comes, no turn is lost.


@dataclass(frozen=True)
class Part:
    """One loop: when it comes, how many turns it makes, and how it ends."""

    comes: int
    turns: int
    raises: bool
    cancelled: int | None
    """In which pass after it came."""

    async def act(self, stage: Stage) -> None:
        for _ in range(self.comes):
            await asyncio.sleep(0)
        await stage.loop(self.turns)
        if self.raises:
            raise Failure

    async def cancel(self, task: asyncio.Task[None]) -> None:
        if self.cancelled is not None:
            for _ in range(self.comes + self.cancelled):
                await asyncio.sleep(0)
            task.cancel()


PARTS = st.builds(
    Part,
    comes=st.integers(0, 20),
    turns=st.integers(0, 400),
    raises=st.booleans(),
    cancelled=st.none() | st.integers(0, 30),
)


def hold_for(parts: list[Part], work: list[int], factory: Factory) -> None:
    """Let the loops run beside other work: all of them end, one slice at a time, in order."""

    async def play(stage: Stage) -> None:
        tasks = [asyncio.create_task(part.act(stage)) for part in parts]
        tasks += [asyncio.create_task(stage.work(passes)) for passes in work]
        cancels = [
            asyncio.create_task(part.cancel(task)) for part, task in zip(parts, tasks, strict=False)
        ]
        try:
            await stage.all_end(tasks)
        finally:
            for task in (*tasks, *cancels):
                task.cancel()
            ends = await asyncio.gather(*tasks, *cancels, return_exceptions=True)
        for part, end in zip(parts, ends, strict=False):
            expected = Failure if part.raises else type(None)
            assert isinstance(end, expected) or (
                part.cancelled is not None and isinstance(end, asyncio.CancelledError)
            )
        asks, passes = zip(*stage.slices, strict=True) if stage.slices else ((), ())
        assert sorted(asks) == list(asks), "first in, first out"
        assert sorted(set(passes)) == list(passes), "one slice in a pass"

    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(pacing, "perf_counter", clock)
        on_stage(clock, play, factory)


WHATEVER_COMES = given(
    st.lists(PARTS, max_size=8),
    st.lists(st.integers(0, 50), max_size=3),
    st.sampled_from([asyncio.new_event_loop, uvloop.new_event_loop]),
)
OFTEN = settings(max_examples=200, deadline=None, database=None)
ONCE = settings(OFTEN, phases=[Phase.generate])  # and not made smaller


def test_no_turn_is_lost() -> None:
    OFTEN(WHATEVER_COMES(hold_for))()


class _StopsAtACancelledOne(pacing._Line):
    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._waiting and self._waiting[0][0].cancelled():
            self._waiting.popleft()
            self._looking = False
        else:
            super()._look(loop)


class _StopsAfterASlice(pacing._Line):
    """It relies on the loop to come back, as if that held its turn."""

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._sliced or len(self._waiting) < 2:
            super()._look(loop)


class _LastInFirstOut(pacing._Line):
    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._waiting.rotate(1)
        super()._look(loop)


@pytest.mark.parametrize("wrong", [_StopsAtACancelledOne, _StopsAfterASlice, _LastInFirstOut])
def test_a_lost_turn_would_be_found(
    wrong: type[pacing._Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "_Line", wrong)
    found = LostTurn if wrong is not _LastInFirstOut else AssertionError
    with pytest.raises(found):
        ONCE(WHATEVER_COMES(hold_for))()


# What a slice is.


@each_event_loop
def test_within_its_slice_a_loop_goes_on_and_after_it_gives_way(
    clock: Clock, factory: Factory
) -> None:
    async def play(stage: Stage) -> None:
        await stage.loop(10 * TURNS)

    stage = on_stage(clock, play, factory)
    assert len(stage.slices) == 10  # the last await is over with the last slice
    between = [then - now for (_, now), (_, then) in zip(stage.slices, stage.slices[1:])]  # noqa: B905 (pairs)
    assert set(between) == {1 + pacing._QUIET_PASSES}


@each_event_loop
def test_it_waits_until_a_whole_pass_had_nothing_to_do(clock: Clock, factory: Factory) -> None:
    async def play(stage: Stage) -> None:
        loop = asyncio.create_task(stage.loop(3 * TURNS))
        await stage.until(lambda: len(stage.slices) == 2)
        begun = stage.passes
        await stage.work(10)
        assert len(stage.slices) == 2
        await loop
        assert stage.slices[2][1] - begun > 10

    on_stage(clock, play, factory)


@pytest.mark.parametrize("least_share", [0.05, 0.2, 0.5])
def test_it_keeps_its_least_share_if_no_pass_is_empty(clock: Clock, least_share: float) -> None:
    async def play(stage: Stage) -> None:
        await stage.loop(2 * TURNS)  # it has seen an empty pass
        work = asyncio.create_task(stage.work())
        began = stage.clock.now
        await asyncio.gather(*(stage.loop(5 * TURNS, least_share) for _ in range(4)))
        share = 4 * 5 * SLICE / (stage.clock.now - began)
        work.cancel()
        # A slice ends with its pass, and two others lie before the next, whatever the share.
        assert least_share / (1 + 3 * WORK / SLICE) < share < 1.05 * least_share

    on_stage(clock, play)


def test_equal_loops_make_equally_many_turns(clock: Clock) -> None:
    turns = Counter[int]()

    async def one(number: int) -> None:
        async with Pace(SLICE) as pace:
            while clock.now < 300 * SLICE:
                turns[number] += 1
                clock.now += TURN
                await pace

    async def play(_: Stage) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(100):
                group.create_task(one(number))

    on_stage(clock, play)
    assert abs(min(turns.values()) - max(turns.values())) <= 1.1 * TURNS


def test_turns_that_become_slow_are_noticed_after_32(clock: Clock) -> None:
    async def play(stage: Stage) -> None:
        async with Pace(SLICE) as pace:
            for _ in range(90):  # of a hundred that a slice has room for
                clock.now += TURN
                await pace
            slow, begun = 0, stage.passes
            while stage.passes == begun:
                slow += 1
                clock.now += SLICE
                await pace
            assert slow <= 32
            begun = stage.passes
            clock.now += 2 * SLICE
            await pace
            assert stage.passes > begun

    on_stage(clock, play)


def test_a_loop_that_awaits_something_else_keeps_nobody_waiting(clock: Clock) -> None:
    async def play(stage: Stage) -> None:
        async with Pace(SLICE):
            await stage.all_end([asyncio.create_task(stage.loop(2 * TURNS))])

    on_stage(clock, play)


# Where it may be used.


@each_event_loop
def test_paces_may_be_nested_and_shared(clock: Clock, factory: Factory) -> None:
    async def play(stage: Stage) -> None:
        async with Pace(SLICE) as shared, asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(stage.loop(TURNS))
                group.create_task(along(shared))

    async def along(pace: Pace) -> None:
        for _ in range(300):
            clock.now += TURN
            async with Pace(SLICE):
                await pace

    on_stage(clock, play, factory)
