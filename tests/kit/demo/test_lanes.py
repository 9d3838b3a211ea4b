"""The marks of the lanes: what becomes of a probe, and for how long nothing was answered."""

from __future__ import annotations

import pytest

from asgi_liveness.demo.lanes import ALLOWED, ProbeMark, judged, mark, silent_for, strip
from tests.kit.demo.probes import probe, probes


@pytest.mark.parametrize(
    ("after", "now", "shown"),
    [
        (0.1, 0.2, ProbeMark.ANSWERED),
        (0.1, 0.05, ProbeMark.WAITING),
        (None, 0.5, ProbeMark.WAITING),
        (None, ALLOWED, ProbeMark.MISSED),
        (ALLOWED + 0.1, 60.0, ProbeMark.MISSED),
    ],
)
def test_a_mark_is_that_of_the_moment(after: float | None, now: float, shown: ProbeMark) -> None:
    assert mark(probe(10.0, after), 10.0 + now) is shown


def test_an_error_is_no_answer() -> None:
    assert mark(probe(0.0, 0.1, status=503), 0.2) is ProbeMark.MISSED
    assert mark(probe(0.0, 0.1, status=0), 0.2) is ProbeMark.MISSED


def test_a_freeze_stays_in_view_after_it() -> None:
    frozen = [probe(0.0, 0.0), probe(1.0, 5.0), probe(2.0, 4.0), probe(6.0, 0.0)]
    assert strip(frozen, 1.5) == "|..."  # as if the last two were due by then
    assert strip(frozen, 7.0) == "|xx|"


def test_marks_differ_in_shape() -> None:
    assert len({each.value for each in ProbeMark}) == len(ProbeMark)


def test_a_window_is_judged_at_its_end() -> None:
    assert judged(probes(0.1, 0.2, None, 3.0), 4.0) == "||.."


@pytest.mark.parametrize(
    ("waits", "now", "seconds"),
    [
        ((), 5.0, 0.0),
        ((0.1, 0.1), 1.5, 0.0),
        ((0.1, None, None), 4.0, 3.0),
        ((None, None), 4.0, 4.0),
        ((0.1, None, 0.1), 4.0, 0.0),
    ],
)
def test_silence_begins_after_the_last_answer(
    waits: tuple[float | None, ...], now: float, seconds: float
) -> None:
    assert silent_for(probes(*waits), now) == seconds
