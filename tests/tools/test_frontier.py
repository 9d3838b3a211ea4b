"""The chart of the frontier has the ways of its rule, and says what the record says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from asgi_liveness.page.chart import plot
from asgi_liveness.page.signs import SeriesSymbols
from tools import docs
from tools.bench import picture
from tools.comparison import ROOT

RECORDED: dict[str, Any] = json.loads((ROOT / "results" / "frontier.json").read_text())


def row(way: str, loops: int, speed: float | None, wait: float) -> dict[str, Any]:
    waits = {"p50": wait / 2, "p99": wait, "p99.9": wait * 2}
    return {"way": way, "loops": loops, "speed": speed, "probes": 9, **waits}


def result(*rows: dict[str, Any]) -> dict[str, Any]:
    facts = {"python": "3", "system": "Linux", "versions": {}, "noisy": 0, "blocks": []}
    return {"pooled": [*rows], **facts}


MADE_UP = result(
    row("(nothing)", 1, None, 1.0),
    row("(nothing)", 100, None, 1.1),
    row("sleep(0)", 1, 0.5, 2.0),
    row("sleep(0)", 100, 0.4, 50.0),
    row("beaten", 1, 0.99, 0.1),
    row("beaten", 100, 0.5, 20.0),
    row("Pace 1 ms", 1, 0.9, 3.0),
    row("Pace 1 ms", 100, 0.9, 4.0),
    row("fast", 1, 1.0, 9.0),
    row("fast", 100, 1.0, 900.0),
    row("a thread", 1, 0.8, 2.0),
    row("a process", 1, 2.0, 3.0),
)


def test_the_chart_has_the_unbeaten_ways_and_those_that_people_write_first() -> None:
    names = [series.name for series in picture.chart(MADE_UP).series]
    assert names == ["sleep(0)", "Pace 1 ms", "fast", "a thread"]
    emphasis = [series.emphasis for series in picture.chart(MADE_UP).series]
    assert emphasis == [False, True, False, False]


def test_the_caption_names_the_ways_that_are_not_drawn() -> None:
    caption = picture.chart(MADE_UP).caption
    assert "with 100 loops" in caption
    assert caption.endswith("In the table alone: beaten, a process (speed up to 2.00).")


def test_a_point_has_the_exact_numbers() -> None:
    point = picture.chart(MADE_UP).series[0].points[1]
    assert (point.x, point.y, point.label) == (0.4, 50.0, "100 loops")
    assert point.words == (
        "100 loops: 0.400 of the bare loop's speed; "
        "a probe waited 25.000 ms (p50), 50.000 ms (p99), 100.000 ms (p99.9)"
    )


def test_the_sentences_have_the_numbers_of_the_most_loops() -> None:
    words = picture.sentences(MADE_UP)
    assert words.startswith("With 100 loops at once")
    assert all(found in words for found in ("50 ms", "4.0 ms", "1.1 ms", "0.40", "0.90"))


@pytest.mark.parametrize("rows", [[], [row("(nothing)", 1, None, 1.0)], MADE_UP["pooled"][:4]])
def test_a_part_of_the_record_has_a_chart_and_no_sentence(rows: list[dict[str, Any]]) -> None:
    part = result(*rows)
    assert picture.sentences(part) == ""
    assert picture.picture(part).startswith("<svg")
    assert len(picture.numbers(part).rows) == len(rows)


def test_the_recorded_chart_is_readable_at_first_glance() -> None:
    block = picture.chart(RECORDED)
    found = plot(block, SeriesSymbols())
    assert {"sleep(0)", "a thread", "Pace 1 ms"} <= {series.name for series in block.series}
    assert len(block.series) <= 7
    assert all(line.short == line.name for line in found.lines)
    assert len({line.symbol for line in found.lines}) == len(found.lines)
    assert found.left_out == 0


def test_every_measured_row_stands_in_the_table_of_the_page() -> None:
    rows = [(cells[0].text, cells[1].text) for cells in picture.numbers(RECORDED).rows]
    assert rows == [(found["way"], f"{found['loops']:,}") for found in RECORDED["pooled"]]


def test_a_picture_of_another_record_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "docs/_static/frontier.svg"
    assert name not in docs.stale()
    monkeypatch.setattr("tools.blocks.frontier_picture", lambda: picture.picture(MADE_UP))
    assert name in docs.stale()
