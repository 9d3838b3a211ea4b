"""What is made of sources, samples and points before they are drawn."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from asgi_liveness.page.chart import WIDTH, Area, plot
from asgi_liveness.page.differing import differing
from asgi_liveness.page.flame import boxes
from asgi_liveness.page.highlighted import highlighted
from asgi_liveness.page.model import Chart, Point, Series, Stack
from asgi_liveness.page.scale import Axis, duration, time_ticks
from asgi_liveness.page.signs import SYMBOLS, SeriesSymbols
from asgi_liveness.page.texts import address, anchor
from tests.kit.page.hostile import TEXTS
from tests.kit.page.made_up import chart, flame


def test_lines_that_another_source_lacks_differ() -> None:
    one = ("def f():", "    a()", "", "    return 1")
    other = ("def f():", "    a()", "    return 2")
    assert differing([one, other]) == [{3}, {2}]
    assert differing([one, one, one]) == [set(), set(), set()]
    assert differing([("a",) * 401, ("b",)]) == [set(), set()]


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_highlighted_lines_have_the_text_of_the_source(text: str) -> None:
    lines = [line[:300] for line in ('x = """', text.replace("\n", " "), "'", "", "def f(): pass")]
    found = highlighted(lines)
    assert [" ".join(row.striptags().split()) for row in found] == [
        " ".join(Markup.escape(line).striptags().split()) for line in lines
    ]


def test_highlighted_python_has_colours() -> None:
    (line,) = highlighted(["def report(): return 'x'  # why"])
    assert line == (
        '<span class="kw">def</span> <span class="fu">report</span>(): '
        '<span class="kw">return</span> <span class="st">&#39;</span><span class="st">x</span>'
        '<span class="st">&#39;</span>  <span class="co"># why</span>'
    )


def test_a_box_is_as_wide_as_its_samples() -> None:
    found = boxes(flame().stacks)
    assert found.samples == 48
    assert found.rows[0].width == 1
    names = {box.name: box for box in found.rows}
    assert names["requests/api.py:115 in post()"].width == pytest.approx(37 / 48)
    assert names["requests/api.py:115 in post()"].is_innermost
    assert names["10 frames"].is_merged


@given(
    st.lists(
        st.tuples(st.integers(0, 99), st.lists(st.sampled_from("abcd"), max_size=12)), max_size=12
    )
)
def test_boxes_of_a_level_do_not_overlap(rows: list[tuple[int, list[str]]]) -> None:
    found = boxes(Stack(samples, tuple(frames)) for samples, frames in rows)
    for one, other in itertools.pairwise(found.rows):
        assert one.depth < other.depth or one.left + one.width <= other.left + 1e-9
    assert all(box.left >= 0 and box.left + box.width <= 1 + 1e-9 for box in found.rows)


def test_deep_and_many_stacks_stay_few_boxes() -> None:
    deep = Stack(5, tuple(f"f{row}" for row in range(5000)))
    assert boxes([deep]).depth < 10
    many = boxes(Stack(1, (f"a{row}", f"b{row}")) for row in range(5000))
    assert len(many.rows) <= 600
    assert many.left_out > 0


def test_no_name_of_a_chart_stands_on_another() -> None:
    found = plot(chart(), SeriesSymbols())
    areas = [
        Area(line.name_x, line.name_y - 13, line.name_x + 7 * len(line.short), line.name_y + 4)
        for line in found.lines
    ]
    assert len(areas) == 6
    assert not any(one.meets(other) for one, other in itertools.combinations(areas, 2))
    assert all(area.left >= 0 and area.right <= WIDTH for area in areas)


def test_a_label_stands_free_or_not_at_all() -> None:
    alone = tuple(Point(row, 3 * 10.0**row, "", f"{row} loops") for row in range(1, 4))
    found = plot(Chart("x", "y", (Series("a", alone),)), SeriesSymbols())
    assert [row.words for row in found.labels] == ["1 loops", "2 loops", "3 loops"]
    crowd = tuple(Point(1 + row / 1000, 5 + row / 1000, "", "loops") for row in range(30))
    found = plot(Chart("x", "y", (Series("a", crowd),)), SeriesSymbols())
    areas = [Area(row.x, row.y - 10, row.x + 30, row.y + 2) for row in found.labels if row.words]
    assert len(areas) < len(crowd)
    assert not any(one.meets(other) for one, other in itertools.combinations(areas, 2))
    marks = [mark for line in found.lines for mark in line.marks]
    assert not any(area.meets(Area(m.x, m.y, m.x, m.y)) for area in areas for m in marks)


def test_a_name_of_a_chart_stands_on_no_line() -> None:
    flat = Series("flat", (Point(1, 2, ""), Point(2, 2, "")))
    steep = Series("steep", (Point(2.05, 1, ""), Point(2.05, 4, "")))
    found = plot(Chart("x", "y", (flat, steep), y_is_log=False), SeriesSymbols())
    name = next(line for line in found.lines if line.name == "flat")
    line = next(line for line in found.lines if line.name == "steep")
    area = Area(name.name_x, name.name_y - 13, name.name_x + 30, name.name_y + 4)
    low, high = (mark.y for mark in line.marks)
    assert not area.meets(Area(line.end.x, high, line.end.x, low))


def test_a_series_has_one_symbol_in_every_chart() -> None:
    symbols = SeriesSymbols()
    first = {line.name: line.symbol for line in plot(chart(), symbols).lines}
    turned = Chart("x", "y", chart().series[::-1])
    assert {line.name: line.symbol for line in plot(turned, symbols).lines} == first
    assert len(set(first.values())) == len(first)
    assert len(set(SYMBOLS)) == len(SYMBOLS)


@pytest.mark.parametrize("value", [math.inf, math.nan, 0.0, -1.0, 1e300])
def test_a_point_that_an_axis_cannot_show_is_counted(value: float) -> None:
    points = (Point(1, value, "odd"), Point(2, 5, "even"))
    found = plot(Chart("x", "y", (Series("a", points),)), SeriesSymbols())
    assert found.left_out == 1
    assert len(found.lines[0].marks) == 1


def test_a_chart_without_points_is_empty() -> None:
    assert plot(Chart("x", "y", ()), SeriesSymbols()).lines == []


@given(st.lists(st.floats(1e-6, 1e6), min_size=1), st.booleans())
def test_values_lie_on_their_axis(values: list[float], is_log: bool) -> None:
    axis = Axis(values, is_log=is_log)
    assert all(-1e-9 <= axis.place(value) <= 1 + 1e-9 for value in values)
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 12
    assert [tick.at for tick in ticks] == sorted(tick.at for tick in ticks)


@given(st.integers(1, 10**9))
def test_a_scale_of_time_has_a_few_different_ticks(span: int) -> None:
    words = [tick.words for tick in time_ticks(span)]
    assert 2 <= len(words) <= 7
    assert len(set(words)) == len(words)


def test_times_are_written_for_people() -> None:
    assert [duration(row) for row in (0, 350, 1900, 10**400)] == [
        "0 ms",
        "350 ms",
        "1.9 s",
        "1000000000000.0 s",
    ]


def test_addresses_and_anchors_are_plain() -> None:
    assert anchor("LIVE-002") == "LIVE-002"
    assert anchor("a b?c=<d>") == "a-b-c-d-"
    assert address("#a?b") == "#a-b"
    assert address("HTTP://x") == "HTTP://x"
    assert [address(row) for row in ("", "ftp://x", "javascript:x", "https://x y", "//x")] == [
        ""
    ] * 5
