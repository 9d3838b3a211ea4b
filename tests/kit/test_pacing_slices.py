"""No slice is lost, whether loops come, raise or are cancelled: examples by hypothesis."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
import uvloop
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from asgi_liveness import pacing
from tests.kit.stage import Clock, Factory, LostSlice, Stage, on_stage


class Failure(Exception):
    """The exception of a loop that fails."""


@dataclass(frozen=True)
class Part:
    """One loop: when it starts, how many iterations it makes, and how it ends."""

    starts: int
    """The number of passes before it starts."""
    iterations: int
    raises: bool
    cancelled: int | None
    """The number of passes from its start to its cancellation; None if it is not cancelled."""
    by_slices: bool
    stop: int
    """Iterations after which it stops the inner loop of a slice; 0 if it does not."""

    async def act(self, stage: Stage) -> None:
        for _ in range(self.starts):
            await asyncio.sleep(0)
        await stage.loop(self.iterations, by_slices=self.by_slices, stop=self.stop)
        if self.raises:
            raise Failure

    async def cancel(self, task: asyncio.Task[None]) -> None:
        if self.cancelled is not None:
            for _ in range(self.starts + self.cancelled):
                await asyncio.sleep(0)
            task.cancel()


PARTS = st.builds(
    Part,
    starts=st.integers(0, 20),
    iterations=st.integers(0, 400),
    raises=st.booleans(),
    cancelled=st.none() | st.integers(0, 30),
    by_slices=st.booleans(),
    stop=st.integers(0, 150),
)


def check_order(parts: list[Part], work: list[int], factory: Factory) -> None:
    """Run loops while other work runs: all loops end, one slice at a time, in order."""

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
        awaits, passes = zip(*stage.slices, strict=True) if stage.slices else ((), ())
        assert sorted(awaits) == list(awaits), "first in, first out"
        assert sorted(set(passes)) == list(passes), "one slice in a pass"

    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(pacing, "perf_counter", clock)
        on_stage(clock, play, factory)


ANY_LOOPS = given(
    st.lists(PARTS, max_size=8),
    st.lists(st.integers(0, 50), max_size=3),
    st.sampled_from([asyncio.new_event_loop, uvloop.new_event_loop]),
)
OFTEN = settings(max_examples=200, deadline=None, database=None)
ONCE = settings(OFTEN, phases=[Phase.generate])  # without shrinking the example


def test_no_slice_is_lost() -> None:
    OFTEN(ANY_LOOPS(check_order))()


class _StopsAtACancelledOne(pacing._Line):
    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._waiting and self._waiting[0].cancelled():
            self._waiting.popleft()
            self._looking = False
        else:
            super()._look(loop)


class _StopsAfterASlice(pacing._Line):
    """A queue that waits for a loop to come back, as if the loop held its slice."""

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._sliced or len(self._waiting) < 2:
            super()._look(loop)


class _LastInFirstOut(pacing._Line):
    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._waiting.rotate(1)
        super()._look(loop)


@pytest.mark.parametrize("wrong", [_StopsAtACancelledOne, _StopsAfterASlice, _LastInFirstOut])
def test_a_lost_slice_would_be_found(
    wrong: type[pacing._Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "_Line", wrong)
    expected = LostSlice if wrong is not _LastInFirstOut else AssertionError
    with pytest.raises(expected):
        ONCE(ANY_LOOPS(check_order))()
