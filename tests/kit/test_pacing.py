"""Paced loops run one slice after another, and let other work run between them.

The order of events shows it, on a clock of the test's own.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections import Counter

import pytest

from asgi_liveness import pacing
from asgi_liveness.pacing import Pace
from tests.kit.stage import (
    ITERATION,
    ITERATIONS,
    SLICE,
    WORK,
    Clock,
    Factory,
    Stage,
    each_event_loop,
    each_spelling,
    on_stage,
)

# A slice.


@each_spelling
@each_event_loop
def test_a_loop_runs_within_its_slice_and_then_lets_passes_go_by(
    clock: Clock, factory: Factory, by_slices: bool
) -> None:
    async def play(stage: Stage) -> None:
        await stage.loop(10 * ITERATIONS - 50, by_slices=by_slices)

    stage = on_stage(clock, play, factory)
    assert len(stage.slices) == 10  # the last await ends with the last slice
    between = [then - now for (_, now), (_, then) in itertools.pairwise(stage.slices)]
    assert set(between) == {1 + pacing._QUIET_PASSES}


@each_spelling
@each_event_loop
def test_a_loop_waits_for_passes_that_have_nothing_to_do(
    clock: Clock, factory: Factory, by_slices: bool
) -> None:
    async def play(stage: Stage) -> None:
        loop = asyncio.create_task(stage.loop(3 * ITERATIONS, by_slices=by_slices))
        await stage.until(lambda: len(stage.slices) == 2)
        begun = stage.passes
        await stage.work(10)
        assert len(stage.slices) == 2
        await loop
        assert stage.slices[2][1] - begun > 10

    on_stage(clock, play, factory)


@each_spelling
@pytest.mark.parametrize("least_share", [0.05, 0.2, 0.5])
def test_loops_get_their_least_share_if_no_pass_is_empty(
    clock: Clock, least_share: float, by_slices: bool
) -> None:
    async def play(stage: Stage) -> None:
        await stage.loop(2 * ITERATIONS)  # so that the queue knows the length of an empty pass
        work = asyncio.create_task(stage.work())
        began = stage.clock.now
        await asyncio.gather(
            *(stage.loop(5 * ITERATIONS, least_share, by_slices=by_slices) for _ in range(4))
        )
        share = 4 * 5 * SLICE / (stage.clock.now - began)
        work.cancel()
        assert 0.95 * least_share < share < 1.05 * least_share

    on_stage(clock, play)


@each_spelling
@pytest.mark.parametrize("microseconds", [3, 20, 50])
def test_slow_empty_passes_are_soon_as_quiet_as_quick_ones(
    clock: Clock, by_slices: bool, microseconds: int
) -> None:
    """In debug mode or under a profiler, an empty pass takes up to 50 µs."""

    async def play(stage: Stage) -> None:
        loop = asyncio.create_task(stage.loop(math.inf, by_slices=by_slices))
        await stage.until(lambda: len(stage.slices) == 5)
        stage.empty = microseconds * 1e-6
        for _ in range(35_000):
            await asyncio.sleep(0)
        between = [then - now for (_, now), (_, then) in itertools.pairwise(stage.slices)]
        assert max(between) > 100  # at first they look like work
        assert set(between[-5:]) == {1 + pacing._QUIET_PASSES}
        loop.cancel()

    on_stage(clock, play)


def test_work_in_each_pass_is_never_taken_for_an_empty_pass(clock: Clock) -> None:
    async def play(stage: Stage) -> None:
        await stage.loop(2 * ITERATIONS)
        work = asyncio.create_task(stage.work(seconds=2 * WORK))
        loop = asyncio.create_task(stage.loop(math.inf))
        for _ in range(60_000):
            await asyncio.sleep(0)
        began, ended = (passes for _, passes in stage.slices[-2:])
        assert (ended - began) * 2 * WORK > 18 * SLICE
        work.cancel()
        loop.cancel()

    on_stage(clock, play)


def test_a_late_slice_brings_only_the_next_slice_forward(clock: Clock) -> None:
    async def play(stage: Stage) -> None:
        await stage.loop(2 * ITERATIONS)
        work = asyncio.create_task(stage.work())
        loop = asyncio.create_task(stage.loop(20 * ITERATIONS))
        began = []
        for pause in (1, 0, 0, 0):  # seconds
            so_far = len(stage.slices)
            await stage.until(lambda: len(stage.slices) > so_far)  # noqa: B023 (called at once)
            began.append(clock.now)
            clock.now += pause
        late, soon, normal = (then - now for now, then in itertools.pairwise(began))
        assert late < 1 + 2 * SLICE
        assert 9 * SLICE < soon < 12 * SLICE
        assert 19 * SLICE < normal < 22 * SLICE  # a slice is up to an eighth longer
        loop.cancel()
        work.cancel()

    on_stage(clock, play)


def test_a_loop_cancelled_as_its_slice_begins_delays_no_other_loop(clock: Clock) -> None:
    async def play(stage: Stage) -> None:
        await stage.loop(2 * ITERATIONS)
        work = asyncio.create_task(stage.work())
        loops = [asyncio.create_task(stage.loop(20 * ITERATIONS)) for _ in range(2)]
        await stage.until(lambda: len(stage.slices) == 4)
        await stage.until(lambda: pacing._line()._sliced)
        began = clock.now
        loops[0].cancel()
        await stage.until(lambda: len(stage.slices) == 5)
        assert loops[0].cancelled()
        assert clock.now - began < SLICE + 3 * WORK  # the other's slice, and no wait of 19 before
        loops[1].cancel()
        work.cancel()

    on_stage(clock, play)


def test_equal_loops_make_equally_many_iterations_in_either_spelling(clock: Clock) -> None:
    iterations = Counter[int]()

    async def by_awaits(number: int) -> None:
        async with Pace(SLICE) as pace:
            while clock.now < 300 * SLICE:
                iterations[number] += 1
                clock.now += ITERATION
                await pace

    async def by_slices(number: int) -> None:
        async with Pace(SLICE) as pace:
            async for slice in pace:  # noqa: A001 (the term)
                for _ in slice:
                    if clock.now >= 300 * SLICE:
                        return
                    iterations[number] += 1
                    clock.now += ITERATION

    async def play(_: Stage) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(100):
                group.create_task((by_slices if number % 2 else by_awaits)(number))

    on_stage(clock, play)
    assert abs(min(iterations.values()) - max(iterations.values())) <= 1.1 * ITERATIONS


def test_iterations_that_become_slow_are_noticed_after_32(clock: Clock) -> None:
    async def play(stage: Stage) -> None:
        async with Pace(SLICE) as pace:
            for _ in range(90):  # of the hundred in a slice
                clock.now += ITERATION
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


def test_a_loop_that_awaits_something_else_delays_no_other_loop(clock: Clock) -> None:
    async def play(stage: Stage) -> None:
        async with Pace(SLICE):
            await stage.all_end([asyncio.create_task(stage.loop(2 * ITERATIONS))])

    on_stage(clock, play)


# Several paces.


@each_event_loop
def test_paces_may_be_nested_and_shared(clock: Clock, factory: Factory) -> None:
    async def play(stage: Stage) -> None:
        async with Pace(SLICE) as shared, asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(stage.loop(ITERATIONS))
                group.create_task(along(shared))

    async def along(pace: Pace) -> None:
        for _ in range(300):
            clock.now += ITERATION
            async with Pace(SLICE):
                await pace

    on_stage(clock, play, factory)
