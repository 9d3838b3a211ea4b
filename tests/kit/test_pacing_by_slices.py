"""Slices without an await in the inner loop: it may stop early, and the outer loop may await."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from asgi_liveness.pacing import Pace
from tests.kit.stage import (
    ITERATION,
    SLICE,
    Clock,
    Factory,
    LostSlice,
    Stage,
    each_event_loop,
    on_stage,
)


def test_an_inner_loop_that_stops_early_goes_on_in_the_same_slice(clock: Clock) -> None:
    async def play(stage: Stage) -> None:
        iterations, batches = 0, 0
        async with Pace(SLICE) as pace:
            begun = stage.passes
            async for slice in pace:  # noqa: A001 (the term)
                for _ in slice:
                    iterations += 1
                    clock.now += ITERATION
                    if not iterations % 10:
                        break
                batches += 1
                if stage.passes != begun:
                    break
        assert 95 <= iterations <= 115
        assert batches >= 10

    on_stage(clock, play)


@pytest.mark.parametrize("iterates", [False, True])
def test_an_inner_loop_that_always_stops_at_once_yields_to_the_event_loop(
    clock: Clock, iterates: bool
) -> None:
    async def loop() -> None:
        async with Pace(SLICE) as pace:
            while True:
                async for slice in pace:  # noqa: A001 (the term)
                    clock.now += ITERATION
                    if iterates:
                        for _ in slice:
                            break
                        break

    async def play(stage: Stage) -> None:
        task = asyncio.create_task(loop())
        await stage.until(lambda: clock.now > 10 * SLICE)
        task.cancel()

    on_stage(clock, play)


@each_event_loop
def test_a_loop_may_await_between_slices_and_in_them(clock: Clock, factory: Factory) -> None:
    async def play(stage: Stage) -> None:
        iterations = [0, 0, 0]

        async def loop(number: int, least: int) -> None:
            async with Pace(SLICE) as pace:
                async for slice in pace:  # noqa: A001 (the term)
                    if number == 1:
                        await stage.work(20)  # takes longer than a slice
                    before = iterations[number]
                    for _ in slice:
                        iterations[number] += 1
                        clock.now += ITERATION
                        if number == 2 and not iterations[number] % 25:
                            await asyncio.sleep(0)
                    assert iterations[number] > before
                    if number == 0:
                        await asyncio.sleep(0)
                    if iterations[number] >= least:
                        return

        leasts = enumerate([1000, 10, 1000])
        tasks = [asyncio.create_task(loop(number, least)) for number, least in leasts]
        tasks.append(asyncio.create_task(stage.loop(1000)))
        for _ in range(10):
            with contextlib.suppress(LostSlice):
                await stage.all_end(tasks)
        assert [task.result() for task in tasks] == [None] * 4

    on_stage(clock, play, factory)


def test_iterations_of_a_slice_that_become_slow_are_noticed_after_64(clock: Clock) -> None:
    async def play(stage: Stage) -> None:
        iterations, slow, begun = 0, 0, stage.passes
        async with Pace(SLICE) as pace:
            async for slice in pace:  # noqa: A001 (the term)
                if slow:
                    break
                for _ in slice:
                    iterations += 1
                    if iterations < 300:
                        clock.now += ITERATION / 10
                    else:
                        slow += 1
                        clock.now += SLICE
        assert slow <= 64
        assert stage.passes > begun

    on_stage(clock, play)
