"""The sums of lateness and of stalls: they never fall, and their labels are bounded."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from asgi_liveness.inside.injected import layout
from asgi_liveness.serving.records import EDGES, Heartbeat
from asgi_liveness.watching import numbers
from asgi_liveness.watching.numbers import Numbers
from tests.kit.checking.windows import heartbeat


def beats(counts: dict[int, int], late_by: float = 0.0, **names: Any) -> Heartbeat:
    """Return a heartbeat with so many beats in each of the numbered buckets."""
    late = tuple(counts.get(at, 0) for at in range(len(EDGES) + 1))
    return replace(heartbeat(), late=late, late_by=late_by, **names)


def counted(found: Numbers) -> dict[float, int]:
    """Return the beats in each bucket that has any, by its upper edge."""
    below, counts = 0, {}
    for edge, so_far in found.lateness[0]:
        if so_far > below:
            counts[edge] = so_far - below
        below = so_far
    return counts


def test_nothing_was_late_where_nothing_beat() -> None:
    found = Numbers()
    assert (found.count, found.lateness[1], found.stalls) == (0, 0.0, {})
    assert [edge for edge, _ in found.lateness[0]] == [*EDGES, inf]
    assert found.quantile(0.5) is None


def test_beats_are_counted_once() -> None:
    found = Numbers()
    for _ in range(2):
        found.beats([beats({0: 3, 2: 1}, late_by=0.006)])
    found.beats([beats({0: 5, 2: 1, len(EDGES): 1}, late_by=20.006)])
    assert counted(found) == {EDGES[0]: 5, EDGES[2]: 1, inf: 1}
    assert found.lateness[1] == pytest.approx(20.006)
    assert found.count == 7


def test_event_loops_are_told_apart_by_their_slot() -> None:
    found = Numbers()
    found.beats([beats({0: 3}, 0.1), beats({0: 4}, 0.2, slot=layout.HEADER + layout.SLOT)])
    assert found.count == 7
    assert found.lateness[1] == pytest.approx(0.3)


def test_a_slot_of_another_process_begins_at_zero() -> None:
    found = Numbers()
    found.beats([beats({0: 100}, 1.0, process=7)])
    found.beats([beats({0: 5}, 0.5, process=8)])
    found.beats([beats({0: 6}, 0.75, process=8)])
    assert found.count == 106
    assert found.lateness[1] == pytest.approx(1.75)


def test_no_number_falls_while_a_slot_is_given_away() -> None:
    found = Numbers()
    found.beats([beats({0: 100, 1: 5}, 1.0)])
    found.beats([beats({0: 0, 1: 5}, 0.0)])  # of the same process, half of it is empty already
    assert (counted(found), found.lateness[1]) == ({EDGES[0]: 100, EDGES[1]: 5}, 1.0)
    found.beats([beats({0: 2, 1: 6}, 0.5)])
    assert (counted(found), found.lateness[1]) == ({EDGES[0]: 102, EDGES[1]: 6}, 1.5)


def test_a_board_without_counts_adds_nothing() -> None:
    found = Numbers()
    found.beats([heartbeat()])
    assert found.count == 0


def test_stalls_are_counted_by_line() -> None:
    found = Numbers()
    for line in ("a.py:1", "", "a.py:1"):
        found.stalled(line)
    assert found.stalls == {"a.py:1": 2, "unknown": 1}


def test_further_lines_count_as_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "MOST_LINES", 2)
    found = Numbers()
    for line in ("", "a", "b", "c", "a", "d", ""):
        found.stalled(line)
    assert found.stalls == {"unknown": 2, "a": 2, "b": 1, "other": 2}


@pytest.mark.parametrize(
    ("part", "seconds"),
    [
        (0.0, 0.0),
        (0.25, EDGES[0] / 2),
        (0.5, EDGES[0]),
        (0.75, (EDGES[1] + EDGES[2]) / 2),
        (1.0, EDGES[2]),
    ],
)
def test_a_quantile_lies_within_its_bucket(part: float, seconds: float) -> None:
    found = Numbers()
    found.beats([beats({0: 50, 2: 50})])
    assert found.quantile(part) == pytest.approx(seconds)


def test_a_quantile_beyond_the_last_edge_is_that_edge() -> None:
    found = Numbers()
    found.beats([beats({0: 1, len(EDGES): 9})])
    assert found.quantile(0.99) == EDGES[-1]
