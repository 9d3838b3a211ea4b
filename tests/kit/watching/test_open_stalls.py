"""A stall is reported once: at its end, or while it goes on."""

from __future__ import annotations

from typing import Any

import pytest

from asgi_liveness.inside.injected import layout
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.stalls.stalls import Stall
from asgi_liveness.watching.memory import Memory
from asgi_liveness.watching.open_stalls import GOES_ON, WITHOUT_LINE, OpenStalls

SECOND = 10**9
BEGAN = 100 * SECOND
FRAMES = [("/srv/report.py", 12, "report"), ("/srv/app.py", 5, "app")]
OTHERS = [[(f"/v/lib/python3.12/site-packages/{name}.py", 1, name)] for name in "abcdefghij"]
"""Stacks that agree on no line."""


class Told:
    """The lines of a watcher, and what is reported of them."""

    def __init__(self, max_stall: float = 0.2) -> None:
        self.open = OpenStalls(Criteria(max_stall))
        self.memory = Memory()
        self.slot = self.memory.take()
        self.memory.words[self.slot + layout.STATE] = layout.RUNS
        self.memory.words[self.slot + layout.PERIOD] = SECOND // 100
        self.beat(BEGAN)

    def beat(self, at: int) -> None:
        self.memory.words[self.slot + layout.BEAT_AT] = at

    def take(self, **line: Any) -> Stall | None:
        return self.open.take(line, self.memory.heartbeat(self.slot))

    def sample(self, after: float, frames: Any = FRAMES, began: int = BEGAN) -> Stall | None:
        counted = dict.fromkeys(("ran", "queued", "slices", "ready", "cpu"), 0)
        at = began + int(after * SECOND)
        return self.take(began=began, at=at, frames=frames, **counted)

    def end(self, after: float, began: int = BEGAN) -> Stall | None:
        self.beat(began + int(after * SECOND))
        return self.take(began=began, ended=began + int(after * SECOND))


def line(stall: Stall | None) -> str:
    assert stall is not None
    return stall.frame.function if stall.frame else ""


def test_a_stall_is_reported_at_its_end() -> None:
    told = Told()
    assert [told.sample(after) for after in (0.3, 0.4, 0.5)] == [None] * 3
    stall = told.end(0.6)
    assert line(stall) == "report"
    assert stall is not None
    assert stall.length == pytest.approx(0.59)
    assert not stall.goes_on


def test_a_stall_within_the_limit_is_none() -> None:
    assert Told().end(0.205) is None


def test_a_stall_that_goes_on_is_reported_once() -> None:
    told = Told()
    before = [told.sample(after) for after in (0.3, 0.6, GOES_ON - 0.01)]
    stall = told.sample(GOES_ON + 0.01)
    assert before == [None] * 3
    assert line(stall) == "report"
    assert stall is not None
    assert stall.goes_on
    assert stall.length == pytest.approx(GOES_ON)
    assert [told.sample(GOES_ON + after) for after in (1, 2, 3)] == [None] * 3
    assert told.end(9.0) is None


def test_the_next_stall_is_reported_again() -> None:
    told = Told()
    for after in (0.3, 0.6, GOES_ON + 0.01):
        told.sample(after)
    told.end(2.0)
    later = BEGAN + 5 * SECOND
    told.beat(later)
    told.sample(0.3, began=later)
    assert line(told.end(0.4, began=later)) == "report"


def test_a_loop_that_ran_on_meanwhile_is_left_to_its_end() -> None:
    told = Told()
    told.sample(0.3)
    told.beat(BEGAN + 2 * SECOND)
    assert told.sample(GOES_ON + 0.5) is None
    assert line(told.end(GOES_ON + 0.6)) == "report"


def test_a_stall_without_a_line_has_longer_to_show_one() -> None:
    told = Told()
    times = [0.2 + step * 0.5 for step in range(9)]
    before = [told.sample(after, OTHERS[at]) for at, after in enumerate(times)]
    assert before == [None] * len(times)
    stall = told.sample(WITHOUT_LINE + 0.1, OTHERS[-1])
    assert stall is not None
    assert stall.goes_on


def test_nothing_is_kept_of_a_stall_that_was_reported() -> None:
    told = Told()
    for number in range(1000):
        began = BEGAN + number * 10 * SECOND
        told.beat(began)
        for after in (0.3, 0.6, *(GOES_ON + 0.1 * step for step in range(1, 5))):
            told.sample(after, began=began)
        told.end(2.0, began=began)
        told.take(collected=began, ended=began + 1)
    assert not told.open._samples
    assert not told.open._reported
    assert len(told.open._collections) < 100


def test_passes_of_the_garbage_collector_belong_to_their_stall() -> None:
    told = Told()
    told.take(collected=BEGAN + SECOND // 10, ended=BEGAN + 5 * SECOND // 10)
    stall = told.end(0.6)
    assert stall is not None
    assert stall.collected == pytest.approx(0.4)
