"""The text of a report: its tables, its failures, and in how many cells the targets agree."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from asgi_liveness.conformance import contract, render
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.report import (
    CellRow,
    ConformanceReport,
    TargetRow,
    WindowRow,
)

SERVERS = ("uvicorn/asyncio", "hypercorn")
A, B, C = "a:app", "b:app", "c:app"
TARGETS = (
    TargetRow(A, "FastAPI", "0.115.0"),
    TargetRow(B, "Starlette", "0.40.0"),
    TargetRow(C, None, None),
)
LINK = "https://example.org/why"


def cell(
    target: str, server: str = "hypercorn", verdict: str = "passed", case: str = "LIVE-001"
) -> CellRow:
    message = "" if verdict == Outcome.PASSED else f"why {case} is {verdict}"
    link = LINK if verdict == Outcome.DIFFERS else ""
    return CellRow(case, "slug", target, server, verdict, message, link, "", "", {})


def window(  # noqa: PLR0913, PLR0917 (a row is what the tests vary, column by column)
    title: str,
    target: str = A,
    server: str = "hypercorn",
    state: str = "answering",
    answered: int = 20,
    wait: float = 0.0124,
) -> WindowRow:
    must_be = {row.title: row.must_be for row in contract.WINDOWS}[title]
    return WindowRow(title, target, server, must_be, state, answered, 20, wait, 5, 5)


def report(
    targets: tuple[TargetRow, ...],
    cells: list[CellRow],
    windows: list[WindowRow] | None = None,
    servers: tuple[str, ...] = SERVERS,
) -> ConformanceReport:
    return ConformanceReport(
        schema=2,
        contract=1,
        python="3.12.1",
        platform={"system": "Linux", "machine": "x86_64", "cores": 2},
        versions={"uvicorn": "0.34.0", "pip": "24.0", "httpx": "0.28.1"},
        targets=targets,
        servers=servers,
        cells=tuple(cells),
        windows=tuple(windows or []),
        seconds={"starts": 1.25, "windows": 3.5, "ends": 0.0, "rest": 0.5},
    )


def everywhere(case: str, *verdicts: str) -> list[CellRow]:
    """Cells of one case on both servers, a verdict for each target."""
    return [
        cell(target.target, server, verdict, case)
        for server in SERVERS
        for target, verdict in zip(TARGETS, verdicts, strict=False)
    ]


# The sentence on agreement.


def test_targets_that_agree_in_all() -> None:
    cells = everywhere("LIVE-001", "passed", "passed") + everywhere("LIVE-002", "failed", "failed")
    assert render.agreement(report(TARGETS[:2], cells)) == (
        "FastAPI and Starlette agree in 4 of 4 cells (2 cases on 2 servers)."
    )


def test_one_case_on_one_server_is_in_the_singular() -> None:
    cells = [cell(A), cell(B)]
    assert render.agreement(report(TARGETS[:2], cells, servers=("hypercorn",))) == (
        "FastAPI and Starlette agree in 1 of 1 cells (1 case on 1 server)."
    )


def test_a_difference_on_all_servers_stands_once() -> None:
    cells = everywhere("LIVE-001", "passed", "passed", "passed")
    cells += everywhere("LIVE-011", "passed", "passed", "differs")
    assert render.agreement(report(TARGETS, cells)) == (
        "FastAPI, Starlette and c:app agree in 2 of 4 cells (2 cases on 2 servers); they differ in "
        "LIVE-011 slug (FastAPI passed, Starlette passed, c:app differs) "
        "on uvicorn/asyncio and hypercorn."
    )


def test_several_differences_stand_one_after_the_other() -> None:
    cells = [
        cell(A, case="LIVE-001"),
        cell(B, case="LIVE-001", verdict="failed"),
        cell(A, case="LIVE-002", verdict="failed"),
        cell(B, case="LIVE-002"),
    ]
    assert render.agreement(report(TARGETS[:2], cells, servers=("hypercorn",))) == (
        "FastAPI and Starlette agree in 0 of 2 cells (2 cases on 1 server); they differ in "
        "LIVE-001 slug (FastAPI passed, Starlette failed) on hypercorn; "
        "LIVE-002 slug (FastAPI failed, Starlette passed) on hypercorn."
    )


def test_one_target_has_nobody_to_agree_with() -> None:
    assert "agree" not in render.text(report(TARGETS[:1], [cell(A)]))


# The closing line.


@pytest.mark.parametrize(
    ("verdicts", "line"),
    [
        (["passed"], "1 cell: 1 as they should be, 0 failed, 0 inconclusive."),
        (
            ["passed", "differs", "failed"],
            "3 cells: 2 as they should be (1 known to differ), 1 failed, 0 inconclusive.",
        ),
        (
            ["passed", "inconclusive", "error", "error", "not applicable"],
            "5 cells: 1 as they should be, 0 failed, 1 inconclusive, 2 error, 1 not applicable.",
        ),
    ],
)
def test_the_closing_line_counts_outcomes_and_time(verdicts: list[str], line: str) -> None:
    cells = [cell(A, verdict=verdict, case=f"LIVE-{n}") for n, verdict in enumerate(verdicts)]
    closing = render.text(report(TARGETS[:1], cells)).splitlines()[-2]
    assert closing == f"{line}   5.2 s (starts 1.2, windows 3.5, ends 0.0, rest 0.5)"


# The text for a terminal.


def test_the_head_says_what_was_run_and_where() -> None:
    head, versions, *_ = render.text(report(TARGETS, [cell(A), cell(B), cell(C)])).splitlines()
    assert head == (
        "FastAPI 0.115.0 · Starlette 0.40.0 · c:app · Python 3.12.1 · Linux, 2 cores · "
        "contract 1, 1 case"
    )
    assert versions == "uvicorn 0.34.0, httpx 0.28.1"


def test_the_short_text_has_the_four_loops_and_no_rows() -> None:
    windows = [
        window("/blocking", A, state="frozen", answered=0, wait=0.43),
        window("/blocking", B, state="frozen", answered=0, wait=0.43),
        window("/normal", A),
    ]
    text = render.text(report(TARGETS[:2], [cell(A), cell(B)], windows))
    parts = text.split("\n\n")
    assert parts[1].startswith("does /hello answer while this runs?  ")
    assert parts[1].count("no, never (stopped after 0.4 s)") == 2
    assert "/normal" not in text
    assert parts[2].startswith("FastAPI and Starlette agree in ")
    assert parts[3].startswith("2 cells: 2 as they should be")
    assert len(parts) == 4


def test_the_short_text_says_how_to_see_the_rest_and_the_verbose_does_not() -> None:
    made = report(TARGETS[:1], [cell(A)], [window("/blocking")])
    assert render.text(made).splitlines()[-1] == (
        "Every window and cell: --verbose. Why a case: asgi-liveness explain LIVE-002. "
        "One case: -k LIVE-002"
    )
    assert "--verbose" not in render.text(made, verbose=True)


def test_the_verbose_text_has_the_rows_and_the_promises_as_well() -> None:
    kept = CellRow("POOL-001", "p", A, "hypercorn", "passed", "", "", "pool", "background", {})
    made = report(TARGETS[:1], [cell(A), kept], [window("/blocking"), window("/normal")])
    for words in ("does /hello answer", "kept by FastAPI", "\n  /normal  "):
        assert words in render.text(made, verbose=True)
    assert "kept by" not in render.text(made)


def test_a_run_of_promises_alone_has_its_rows_in_the_short_text() -> None:
    kept = CellRow("POOL-001", "p", A, "hypercorn", "passed", "", "", "pool", "background", {})
    made = report(TARGETS[:1], [kept], [window("/background")])
    assert "does /hello answer" not in render.text(made)
    assert "kept by FastAPI" in render.text(made)
    assert "  /background  " in render.text(made)


def verbose(targets: tuple[TargetRow, ...], windows: list[WindowRow], servers: str = "") -> str:
    """The part of the verbose text that has a line for each window."""
    made = report(targets, [cell(row.target) for row in targets], windows)
    if servers:
        made = replace(made, servers=(servers,))
    return render.text(made, verbose=True).partition("\n\n")[2].partition("\n\n")[2]


def test_one_target_has_a_column_for_each_server() -> None:
    windows = [
        window("(nothing)", server="uvicorn/asyncio"),
        window("/blocking", server="uvicorn/asyncio", state="frozen", answered=0, wait=0.4561),
        window("/blocking", server="hypercorn", state="mixed", answered=3, wait=2.0),
    ]
    cells = [
        ("while this runs", "uvicorn/asyncio", "hypercorn", "must be"),
        ("  (nothing)", "answers  20/20    12 ms", "-", "answering"),
        (
            "  /blocking",
            "FROZEN   never (stopped after 0.5 s)",
            "MIXED     3/20  2000 ms",
            "frozen",
        ),
    ]
    assert verbose(TARGETS[:1], windows).splitlines()[:3] == [
        f"{window:<19}{first:<38}{second:<38}{must_be}" for window, first, second, must_be in cells
    ]


def test_several_targets_have_a_column_each_and_every_server_a_block() -> None:
    windows = [
        window("/background", A, "uvicorn/asyncio"),
        window("/background", B, "uvicorn/asyncio", state="starved", answered=0, wait=2.1),
        window("/background", A, "hypercorn", state="not running", answered=0, wait=2.1),
        window("/background", B, "hypercorn"),
    ]
    assert verbose(TARGETS[:2], windows).splitlines()[:5] == [
        "on uvicorn/asyncio    FastAPI                  Starlette                must be",
        "  /background         answers  20/20    12 ms  STARVED   0/20  2100 ms  answering",
        "",
        "on hypercorn    FastAPI                  Starlette                must be",
        "  /background   NO LOOP   0/20  2100 ms  answers  20/20    12 ms  answering",
    ]


def test_windows_are_in_the_contracts_order() -> None:
    windows = [window(row.title) for row in reversed(contract.WINDOWS)]
    text = f"\n{verbose(TARGETS[:1], windows, 'hypercorn')}"
    places = [text.index(f"\n  {row.title}  ") for row in contract.WINDOWS]
    assert places == sorted(places)


@pytest.mark.parametrize(("state", "all_ran"), [("frozen", True), ("not running", False)])
def test_the_line_about_running_loops_needs_all_of_them(state: str, *, all_ran: bool) -> None:
    windows = [window("/normal"), window("/blocking", state=state, answered=0)]
    text = verbose(TARGETS[:1], windows)
    assert ("in every window the loops kept running" in text) is all_ran


def test_a_run_without_a_window_says_so() -> None:
    assert "\n\nNo window ran.\n\n" in render.text(report(TARGETS[:1], [cell(A)]))


DIFFERING = everywhere("LIVE-011", "passed", "differs")
FAILING = everywhere("LIVE-002", "failed", "passed")
DIFFERS = [
    "DIFFERS (Starlette on uvicorn/asyncio, Starlette on hypercorn)",
    f"  LIVE-011 slug: why LIVE-011 is differs {LINK}",
]
FAILED = ["FAILED (FastAPI on uvicorn/asyncio, FastAPI on hypercorn)", "  why LIVE-002 is failed"]


def test_each_reason_is_given_once_with_its_subjects() -> None:
    text = render.text(report(TARGETS[:2], DIFFERING + FAILING), verbose=True)
    assert [part.splitlines() for part in text.split("\n\n")[2:4]] == [DIFFERS, FAILED]


def test_the_short_text_has_failures_in_full_and_counts_differences() -> None:
    text = render.text(report(TARGETS[:2], DIFFERING + FAILING))
    assert text.split("\n\n")[2].splitlines() == FAILED
    assert "DIFFERS" not in text
    assert "(2 known to differ), 2 failed" in text


@pytest.mark.parametrize("outcome", Outcome)
def test_the_short_text_gives_every_reason_to_act(outcome: Outcome) -> None:
    text = render.text(report(TARGETS[:1], [cell(A, verdict=outcome)]))
    shown = outcome in (Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.ERROR)
    assert (f"why LIVE-001 is {outcome}" in text) is shown


def test_the_short_text_says_what_was_measured_again() -> None:
    again = replace(cell(A), message="the machine was too busy at first")
    text = render.text(report(TARGETS[:1], [again]))
    assert "PASSED (FastAPI on hypercorn)\n  LIVE-001 slug: the machine was too busy" in text


def test_errors_are_left_out_if_they_stand_elsewhere() -> None:
    made = report(TARGETS[:1], [cell(A, verdict="error")])
    assert "why LIVE-001 is error" not in render.text(made, errors=False)
    assert "1 error" in render.text(made, errors=False)


def test_where_all_passed_nothing_is_explained() -> None:
    assert len(render.text(report(TARGETS[:1], [cell(A)])).split("\n\n")) == 3


def test_outcomes_and_answers_are_coloured_and_nothing_else() -> None:
    windows = [
        window("/blocking", state="frozen", answered=0),
        window("/background"),
        window("/cooperative", state="mixed", answered=3),
    ]
    failed = [cell(A, verdict="failed")]
    made = report(TARGETS[:1], failed, windows, servers=("hypercorn",))
    text = render.text(made, paint=lambda text, word: f"<{word}|{text}>")
    assert "<no|no, never (stopped after 0.0 s)>" in text
    assert "<yes|yes, 20 of 20>" in text
    assert "<mixed|mixed, 3 of 20>" in text
    assert "<failed|FAILED> (FastAPI on hypercorn)" in text
    assert re.sub(r"<[-a-z]+\|([^>]*)>", r"\1", text) == render.text(made)


# Markdown.


def test_markdown_has_a_column_for_each_target_and_the_four_loops() -> None:
    windows = [
        row
        for server in SERVERS
        for row in (
            window("/blocking", A, server, "frozen", 0),
            window("/background", A, server),
            window("/background", B, server, "mixed", 3 if server == "hypercorn" else 4),
        )
    ]
    cells = everywhere("LIVE-001", "passed", "passed")
    table, sentence = render.markdown(report(TARGETS[:2], cells, windows)).split("\n\n")
    each = "uvicorn/asyncio: mixed, 4 of 20; hypercorn: mixed, 3 of 20"
    assert table.splitlines() == [
        "| while this runs, does `/hello` answer? | FastAPI | Starlette |",
        "| --- | --- | --- |",
        "| a loop without `await`, in an `async def` route | **no**, 0 of 20 |  |",
        "| the same in an `async def` background task |  |  |",
        f"| the loop in a plain `def` background task | yes, 20 of 20 | {each} |",
        "| the loop with `await asyncio.sleep(0)` in each iteration |  |  |",
    ]
    assert sentence.startswith("FastAPI and Starlette agree in 2 of 2 cells (1 case on 2 servers).")
    assert sentence.endswith("contract 1, 1 case · uvicorn 0.34.0, httpx 0.28.1.\n")


def test_a_rendered_report_depends_on_no_time_in_markdown() -> None:
    one = report(TARGETS[:2], everywhere("LIVE-001", "passed", "passed"), [window("/normal")])
    slower = replace(one, seconds={"starts": 99.0}, windows=(window("/normal", wait=1.5),))
    assert render.markdown(one) == render.markdown(slower)
