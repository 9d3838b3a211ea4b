"""The line that several stalls have in common, and the worst of them."""

from __future__ import annotations

import pytest

from asgi_liveness.serving.records import Frame, Sample
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.stalls.shared import shared
from asgi_liveness.stalls.stalls import Stall, stalls
from tests.kit.checking.windows import (
    BEGAN,
    LIMIT,
    OTHER,
    REPORT,
    end,
    heartbeat,
    samples,
    window,
)

LAST = BEGAN + 1.0  # when the last stall began


def found(*taken: Sample) -> list[Stall]:
    """One stall that is over, and a longer one that goes on."""
    record = window(heartbeats=(heartbeat(beat_at=LAST),), samples=taken, ends=(end(),))
    return stalls(record, Criteria(LIMIT))


@pytest.mark.parametrize("first", [REPORT, OTHER])
def test_the_line_is_that_of_the_most_samples_and_the_worst_stall_has_them(first: Frame) -> None:
    taken = (*samples(first, count=3), *samples(REPORT, began=LAST, count=6))
    shown, worst = shared(found(*taken), "")
    assert (shown.frame, worst.began) == (REPORT, LAST)
