"""The page of a run says what froze, in a sentence and a picture, and has every cell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from asgi_liveness.conformance import contract
from asgi_liveness.conformance.handlers import HandlerRow
from asgi_liveness.conformance.page import page
from asgi_liveness.conformance.report import CellRow, ConformanceReport, WindowRow
from asgi_liveness.page.model import Fold, Lanes, Section, Sources, Table, Tone
from asgi_liveness.page.timeline import Timeline
from tests.kit.conformance.test_report import REPORT

SERVERS = REPORT.servers


def window(title: str, state: contract.State, target: str, server: str) -> WindowRow:
    answered = 20 if state is contract.State.ALIVE else 0
    timeline = Timeline(700, (0, 50), (None, None), interval=50, steps=(4, 5))
    return WindowRow(title, target, server, "", state, answered, 20, 0.7, 9, 0, timeline)


def cell(case: str, target: str, server: str, verdict: str = "passed", **changes: Any) -> CellRow:
    row = CellRow(case, "slug", target, server, verdict, "", "", "", "", {})
    return replace(row, **changes)


WHERE = [(row.target, server) for row in REPORT.targets for server in SERVERS]
RUN = replace(
    REPORT,
    windows=tuple(
        window(title, state, *where)
        for title, state in (
            ("(nothing)", contract.State.ALIVE),
            ("/blocking", contract.State.FROZEN),
            ("/background", contract.State.ALIVE),
            ("/background, 64 at once", contract.State.STARVED),
            ("/cooperative", contract.State.ALIVE),
        )
        for where in WHERE
    ),
    cells=(
        *(cell("LIVE-002", *where) for where in WHERE),
        *(
            cell(
                "POOL-001",
                *where,
                "differs",
                message="one pool",
                link="https://x",
                promise="pool",
                remedy="background",
            )
            for where in WHERE
        ),
    ),
    handlers=(
        HandlerRow("a:app", "/blocking", "a.py", 7, ("async def blocking():", "    ...")),
        HandlerRow("b:app", "/blocking", "b.py", 9, ("async def blocking(request):", "    ...")),
    ),
)


def section(report: ConformanceReport, anchor: str) -> Section:
    return next(each for each in page(report).sections if each.anchor == anchor)


def test_the_sentence_counts_what_froze_and_what_did_not() -> None:
    assert page(RUN).sentence == (
        "A loop without await in an async def route froze the app in 4 of 4 runs. In a plain def "
        "background task, or with await asyncio.sleep(0), the same loop left it answering in 8 "
        "of 8."
    )
    broken = [
        replace(row, state=contract.State.FROZEN) if row.window == "/cooperative" else row
        for row in RUN.windows
    ]
    assert "in 4 of 8." in page(replace(RUN, windows=tuple(broken))).sentence


def test_a_run_of_other_cases_is_counted() -> None:
    found = page(replace(RUN, windows=()))
    assert found.sentence == (
        "8 cells: 8 as they should be (4 known to differ), 0 failed, 0 inconclusive."
    )
    assert found.picture is None


@pytest.mark.parametrize(
    ("outcome", "tone"),
    [("failed", Tone.BAD), ("inconclusive", Tone.UNSURE), ("passed", Tone.PLAIN)],
)
def test_the_tone_is_that_of_the_exit_code(outcome: str, tone: Tone) -> None:
    cells = (*RUN.cells, cell("LIVE-003", *WHERE[0], outcome))
    assert page(replace(RUN, cells=cells)).tone is tone


def test_the_picture_has_nothing_the_defect_and_both_fixes() -> None:
    picture = page(RUN).picture
    assert picture
    assert [(lane.label, lane.word) for lane in picture.rows] == [
        ("nothing runs", "answers"),
        ("a loop without await", "FROZEN"),
        ("in a plain def background task", "answers"),
        ("with await asyncio.sleep(0)", "answers"),
    ]


def test_a_route_has_its_handlers_next_to_each_other_and_its_windows() -> None:
    found = section(RUN, "route-blocking")
    (sources,) = (block for block in found.blocks if isinstance(block, Sources))
    assert [(each.title, each.first) for each in sources.columns] == [
        ("FastAPI: a.py", 7),
        ("b:app: b.py", 9),
    ]
    (lanes,) = (block for block in found.blocks if isinstance(block, Lanes))
    assert [lane.label for lane in lanes.rows] == [
        *("FastAPI on uvicorn/asyncio", "FastAPI on hypercorn"),
        *("b:app on uvicorn/asyncio", "b:app on hypercorn"),
    ]
    assert all(lane.timeline for lane in lanes.rows)
    assert (found.word, found.tone) == ("FROZEN", Tone.BAD)


def test_further_windows_of_a_route_are_folded() -> None:
    (fold,) = (b for b in section(RUN, "route-background").blocks if isinstance(b, Fold))
    assert fold.title == "1 more window: /background, 64 at once"


def test_every_cell_has_a_row_and_each_case_an_address() -> None:
    (table,) = section(RUN, "cases").blocks
    assert isinstance(table, Table)
    assert len(table.rows) == len(RUN.cells)
    assert [anchor for anchor in table.anchors if anchor] == ["LIVE-002", "POOL-001"]
    assert table.filters == ("framework", "server", "promise", "outcome")


def test_a_known_difference_has_its_reason_and_its_link_once() -> None:
    (table,) = section(RUN, "differences").blocks
    assert isinstance(table, Table)
    ((reason, cases, _),) = table.rows
    assert (reason.text, reason.href, cases.text) == ("one pool", "https://x", "POOL-001")


def test_the_matrix_has_a_row_for_each_remedy_target_and_server() -> None:
    cells = [
        replace(each, verdict="passed") if each.promise and each.target == "a:app" else each
        for each in RUN.cells
    ]
    table = section(replace(RUN, cells=tuple(cells)), "matrix").blocks[0]
    assert isinstance(table, Table)
    assert table.head == ("remedy", "framework", "server", "pool")
    assert [(row[1].text, row[3].text, row[3].href) for row in table.rows] == [
        *[("FastAPI", "yes", "#POOL-001")] * 2,
        *[("b:app", "no", "#POOL-001")] * 2,
    ]


def test_a_report_without_timelines_has_lanes_without_them() -> None:
    older = tuple(replace(row, timeline=None) for row in RUN.windows)
    picture = page(replace(RUN, windows=older, handlers=())).picture
    assert picture
    assert {lane.timeline for lane in picture.rows} == {None}
