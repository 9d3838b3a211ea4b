"""The line that several stalls have in common, and the worst of them."""

from __future__ import annotations

import pytest

from asgi_liveness.serving.records import Collection
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.stalls.shared import shared
from asgi_liveness.stalls.stalls import Stall, stalls
from tests.kit.checking.windows import (
    BEGAN,
    LIMIT,
    OTHER,
    PROCESS,
    REPORT,
    end,
    heartbeat,
    samples,
    window,
)

LAST = BEGAN + 1.0  # when the last stall began


def found(*collections: Collection, ends: bool = False) -> list[Stall]:
    """Two stalls: one that is over, and a longer one that goes on, or *ends*."""
    seen = (*samples(REPORT, count=3), *samples(REPORT, began=LAST, count=6))
    over = (end(ended=BEGAN + 0.6), *([end(LAST, LAST + 0.9)] if ends else []))
    last = heartbeat() if ends else heartbeat(beat_at=LAST)
    record = window(heartbeats=(last,), samples=seen, ends=over, collections=collections)
    return stalls(record, Criteria(LIMIT))


def test_the_worst_stall_has_the_most_samples() -> None:
    shown, worst = shared(found(), "")
    assert (shown.frame, worst.began) == (REPORT, LAST)


def test_a_function_that_more_samples_show_is_the_line() -> None:
    seen = (*samples(OTHER, count=3), *samples(REPORT, began=LAST, count=6))
    record = window(heartbeats=(heartbeat(beat_at=LAST),), samples=seen, ends=(end(),))
    shown, worst = shared(stalls(record, Criteria(LIMIT)), "")
    assert (shown.frame, worst.began) == (REPORT, LAST)


@pytest.mark.parametrize(("ends", "collects"), [(False, 0.6), (True, 0.0)])
def test_a_stall_that_goes_on_may_collect_as_the_others_did(*, ends: bool, collects: float) -> None:
    _, worst = shared(found(Collection(PROCESS, BEGAN, BEGAN + 0.6), ends=ends), "")
    assert worst.began == LAST
    assert max(worst.collected, 0.0) == pytest.approx(collects)


def test_a_loop_that_goes_on_for_longer_than_a_pass_is_no_collector() -> None:
    _, worst = shared(found(Collection(PROCESS, BEGAN, BEGAN + 0.1)), "")
    assert worst.began == LAST
    assert worst.collected < worst.length / 2
