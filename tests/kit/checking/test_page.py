"""The page of a check has its worst window first, with the culprit in its source."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asgi_liveness.checking.page import page
from asgi_liveness.checking.report import Report
from asgi_liveness.checking.untried import Untried
from asgi_liveness.page.model import (
    CommandLine,
    Facts,
    Flame,
    Lanes,
    Prose,
    Section,
    Sources,
    Table,
    Tone,
)
from asgi_liveness.page.timeline import Timeline
from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.merged import MergedStack
from tests.kit.checking.made import AGAIN, CULPRIT, IDLE, INCONCLUSIVE, LIVE, STALLED, report

AROUND = ("async def report():", "    while True:", "        random.randint(0, 10)")
WHOLE = replace(
    STALLED,
    culprit=replace(CULPRIT, first=10, around=AROUND, callers=(Frame("app.py", 3, "f"),)),
    timeline=Timeline(4000, (0, 50), (2, None), stalls=((60, 3900),)),
    stacks=(
        MergedStack(30, ("a.py:1 in f()", "b.py:2 in g()")),
        MergedStack(7, ("a.py:1 in f()",)),
    ),
)


def sections(made: Report) -> list[Section]:
    return list(page(made).sections)


def test_the_sentence_counts_and_names_the_line_to_blame() -> None:
    assert page(report(STALLED, LIVE)).sentence == (
        "1 of 2 requests stalled the event loop, 1 left the app live. "
        "The line to blame is myapp/reports.py:12 in report()."
    )


@pytest.mark.parametrize(
    ("route", "tone"), [(STALLED, Tone.BAD), (INCONCLUSIVE, Tone.UNSURE), (LIVE, Tone.GOOD)]
)
def test_the_tone_is_that_of_the_worst_window(route: object, tone: Tone) -> None:
    assert page(report(LIVE, route)).tone is tone  # type: ignore[arg-type]  # a route of made.py


def test_the_worst_window_comes_first_and_the_picture_keeps_the_order() -> None:
    made = page(report(LIVE, STALLED))
    assert [each.title for each in made.sections[:2]] == ["GET /report", "The idle app"]
    assert made.picture
    assert [lane.label for lane in made.picture.rows] == ["idle", "GET /report", "GET /report"]


def test_a_stall_has_its_timeline_its_source_its_way_and_its_samples() -> None:
    blocks = sections(report(WHOLE))[0].blocks
    lanes, sources, facts, advice, flame = blocks
    assert isinstance(lanes, Lanes)
    assert lanes.rows[0].timeline == WHOLE.timeline
    assert isinstance(sources, Sources)
    (source,) = sources.columns
    assert (source.first, source.lines, source.marked) == (10, AROUND, 12)
    assert isinstance(facts, Facts)
    assert ("called from", "app.py:3 in f()") in facts.rows
    assert isinstance(advice, Prose)
    assert isinstance(flame, Flame)
    assert "37 samples" in flame.caption


def test_an_older_report_shows_what_it_has() -> None:
    blocks = sections(report(STALLED))[0].blocks
    assert isinstance(blocks[0], Lanes)
    assert blocks[0].rows[0].timeline is None
    (source,) = (block for block in blocks if isinstance(block, Sources))
    assert source.columns[0].lines == ("random.randint(0, 10)",)
    assert not any(isinstance(block, Flame) for block in blocks)


def test_routes_that_were_not_tried_and_the_command_are_there() -> None:
    made = report(LIVE, untried=(Untried("POST", "/b", "it needs a body", "check -d @body"),))
    *_, untried, again = sections(made)
    (table,) = untried.blocks
    assert isinstance(table, Table)
    assert [cell.text for cell in table.rows[0]] == [
        "POST",
        "/b",
        "it needs a body",
        "check -d @body",
    ]
    assert again.blocks[0] == CommandLine(AGAIN)


def test_the_picture_has_at_most_a_dozen_windows_and_the_worst_among_them() -> None:
    made = page(report(*[LIVE] * 30, STALLED))
    assert made.picture
    assert len(made.picture.rows) == 12
    assert made.picture.rows[-1].word == "stalled"
    assert IDLE.verdict == "live"
