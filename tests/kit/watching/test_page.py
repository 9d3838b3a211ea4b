"""The page of a watch shows when it stalled, and each culprit in its source."""

from __future__ import annotations

from dataclasses import replace

from asgi_liveness.page.model import Flame, Lanes, Sources, Table, Tone
from asgi_liveness.stalls.merged import MergedStack
from asgi_liveness.watching.page import page
from tests.kit.watching.made import CULPRIT
from tests.kit.watching.test_screen import FULL, REPORT, ROW

WHOLE = replace(
    ROW,
    culprit=replace(CULPRIT, first=11, around=("x", "for row in rows:")),
    last=((10.0, 3.1), (251.0, 9.0)),
    stacks=(MergedStack(3, ("a.py:1 in f()",)),),
)
BUSY = replace(ROW, culprit=None, because="the machine was busy", is_finding=False, advice="")


def test_the_sentence_says_how_long_and_names_the_line_to_blame() -> None:
    assert page(REPORT).sentence == (
        "Watched 4 min 12 s, 2 processes · event loop silent for 8.1 s in 5 stalls longer than "
        "200 ms. The line to blame most is app/report.py:12 in report()."
    )
    live = page(replace(REPORT, culprits=()))
    assert live.sentence.endswith("no stall longer than 200 ms.")
    assert (live.tone, live.picture) == (Tone.GOOD, None)


def test_stalls_are_bands_over_the_whole_watch_and_end_with_it() -> None:
    picture = page(replace(REPORT, culprits=(WHOLE, BUSY))).picture
    assert picture
    (lane,) = picture.rows
    assert lane.timeline
    assert lane.timeline.length == 252_400
    assert lane.timeline.stalls == ((10_000, 13_100), (251_000, 252_400))
    assert lane.timeline.is_whole


def test_each_culprit_has_a_section_that_the_table_links_to() -> None:
    made = page(replace(REPORT, culprits=(WHOLE, BUSY)))
    table, first, second, *_ = made.sections
    assert isinstance(table.blocks[0], Table)
    links = [row[0].href for row in table.blocks[0].rows]
    assert links == [f"#{first.anchor}", f"#{second.anchor}"]
    kinds = [type(block) for block in first.blocks]
    assert {Lanes, Sources, Flame} <= {*kinds}
    assert (first.tone, second.tone, second.title) == (
        Tone.BAD,
        Tone.UNSURE,
        "the machine was busy",
    )


def test_full_pools_and_the_rest_of_the_time_have_their_sections() -> None:
    made = page(replace(REPORT, starved=(FULL,), notes=("a note",)))
    anchors = {section.anchor: section for section in made.sections}
    assert anchors["starved"].tone is Tone.BAD
    assert len(anchors["rest"].blocks) == 2
