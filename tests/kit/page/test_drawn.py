"""Lanes: each probe is in the drawing, and in the words."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_liveness.page import drawn
from asgi_liveness.page.model import Lane, Lanes, Tone
from asgi_liveness.page.timeline import Timeline
from tests.kit.page.made_up import frozen, live, mixed, stalled

MOVE = re.compile(r"m(-?\d+) (-?\d+)(?:v-\d+m(\d+) 0|l(\d+)-\d+|h0)")


def lane(timeline: Timeline | None) -> Lane:
    return Lane("GET /", "LIVE", Tone.GOOD, "a note", timeline)


def order(row: tuple[int, int | None]) -> tuple[int, int]:
    return row[0], -1 if row[1] is None else row[1]


def drawn_probes(timeline: Timeline) -> list[tuple[int, int | None]]:
    """The due time and the wait of each probe, as the page's script reads them."""
    found: list[tuple[int, int | None]] = []
    for kind, moves in re.findall(
        r'<path class="(ok|late|no)" d="([^"]+)"/>', drawn.track(timeline)
    ):
        x = 0
        assert MOVE.sub("", moves) == ""
        for move, _, early, late in MOVE.findall(moves):
            due, wait = x + int(move), int(early or late or 0)
            found.append((due, None if kind == "no" else wait))
            x = due + wait
    return sorted(found, key=order)


@pytest.mark.parametrize("made", [live, stalled, frozen, mixed])
def test_every_probe_can_be_read_from_the_drawing(made: Callable[[], Timeline]) -> None:
    timeline = made()
    wanted = sorted(zip(timeline.due, timeline.waits, strict=True), key=order)
    assert drawn_probes(timeline) == wanted


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.none() | st.integers(0, 5000)), max_size=40),
    st.integers(0, 300),
)
def test_any_probes_can_be_read_from_the_drawing(
    rows: list[tuple[int, int | None]], limit: int
) -> None:
    due, waits = [row[0] for row in rows], [row[1] for row in rows]
    timeline = Timeline(10_000, tuple(due), tuple(waits), limit=limit)
    assert drawn_probes(timeline) == sorted(rows, key=order)


def test_each_kind_of_probe_has_one_path() -> None:
    for made in (live(), stalled(), frozen(), mixed()):
        found = re.findall(r'class="(\w+)"', drawn.track(made))
        assert len(set(found)) == len(found)


def test_a_lane_in_words_says_what_it_shows() -> None:
    assert drawn.said(lane(live())) == "GET /: LIVE; a note; 40 of 40 probes in 2.0 s"
    words = drawn.said(lane(stalled()))
    assert "18 late, by up to 502 ms" in words
    assert "a stall from 400 ms to 900 ms" in words
    assert "40 not answered, due from 0 ms to 1.9 s" in drawn.said(lane(frozen()))
    assert "no timeline" in drawn.said(lane(None))


def test_lanes_share_one_scale() -> None:
    rows = (lane(live(20)), lane(live(60)), lane(None))
    assert drawn.span(Lanes(rows)) == 3000
    assert drawn.span(Lanes((lane(None),))) == 1


@pytest.mark.parametrize(
    "timeline",
    [
        Timeline(0, (), ()),
        Timeline(-5, (-1, 10**30), (None, -7)),
        Timeline(10**30, (0,), (10**30,), stalls=((5,), (-3, 10**31))),
        Timeline(10, (1, 2, 3), (1,), interval=5, steps=(10**30, 0, -4)),
        Timeline(10, (1,), (1,), interval=0, steps=(1,)),
    ],
)
def test_numbers_that_cannot_be_are_drawn_within_the_window(timeline: Timeline) -> None:
    numbers = [abs(int(row)) for row in re.findall(r"\d+", drawn.track(timeline))]
    assert max(numbers) <= 10**12
    assert drawn.said(lane(timeline))


def test_a_lane_of_many_probes_draws_a_part_and_says_so() -> None:
    many = Timeline(10**6, tuple(range(10**5)), (1,) * 10**5)
    assert len(drawn_probes(many)) == 2000
    assert "2000 of 100000 probes are drawn" in drawn.said(lane(many))
