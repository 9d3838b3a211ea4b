"""Remedies by promises: every cell for a terminal, and where they differ in Markdown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asgi_liveness.conformance import matrix
from asgi_liveness.conformance.promises import PROMISES, REMEDIES
from asgi_liveness.conformance.report import CellRow, ConformanceReport, TargetRow

SERVERS = ("uvicorn/asyncio", "uvicorn/uvloop", "hypercorn")
A, B = "a:app", "b:app"
TARGETS = (TargetRow(A, "FastAPI", "0.115.0"), TargetRow(B, "Quart", "0.20.0"))
NAMES = [promise.name for promise in PROMISES]


def cell(
    promise: str = "pool",
    verdict: str = "passed",
    target: str = A,
    server: str = "hypercorn",
    remedy: str = "background",
    **ratio: float,
) -> CellRow:
    return CellRow("X-001", "slug", target, server, verdict, "", "", promise, remedy, {**ratio})


def everywhere(promise: str, verdict: str = "passed") -> list[CellRow]:
    return [cell(promise, verdict, row.target, server) for row in TARGETS for server in SERVERS]


def report(
    *cells: CellRow, targets: tuple[TargetRow, ...] = TARGETS, servers: tuple[str, ...] = SERVERS
) -> ConformanceReport:
    return ConformanceReport(2, 2, "3.12.1", {}, {}, targets, servers, cells, (), {})


def short(*cells: CellRow) -> str:
    """What Markdown has for `pool`, or the promise of the cells, of the first remedy."""
    header, _, line, *_ = matrix.markdown(report(*cells))
    columns = dict(
        zip(header.strip("| ").split(" | "), line.strip("|").split(" | ")[1:], strict=True)
    )
    return columns[cells[0].promise].strip()


def test_without_cells_of_the_comparison_there_is_none() -> None:
    first_edition = [cell(""), cell("live"), cell("pool", "not applicable")]
    assert matrix.text(report(*first_edition)) == []
    assert matrix.markdown(report(*first_edition)) == []


def test_a_remedy_that_no_target_has_is_left_out() -> None:
    # Its route answers, as the contract asks; no promise was judged.
    others = [cell("live", remedy="normal"), cell("pool", "not applicable", remedy="normal")]
    lines = matrix.text(report(cell("live"), cell("pool"), *others))
    assert {line.split()[0] for line in lines if line.startswith("  /")} == {"/background"}


def test_a_wait_that_is_too_long_is_a_no() -> None:
    lines = matrix.text(report(cell("gil", "failed", ratio=300.0), servers=("hypercorn",)))
    assert lines[1].split()[-1] == "NO"


def test_the_text_has_a_block_for_each_target_and_a_line_for_each_row() -> None:
    cells = [
        cell("live"),
        cell("pool", "failed"),
        cell("gil", ratio=17.4),
        cell("speed", "recorded", ratio=0.256),
        cell("pool", "differs", B),
    ]
    lines = matrix.text(report(*cells, servers=("hypercorn",)))
    assert lines[0] == "kept by FastAPI                live     pool     gil      speed"
    assert lines[1] == "  /background  hypercorn       yes      NO       x17      0.26"
    assert lines[2:4] == ["", "kept by Quart                  live     pool     gil      speed"]
    assert lines[4] == "  /background  hypercorn       -        no       -        -"
    assert not any("defaults" in line for line in lines)


@pytest.mark.parametrize(
    ("verdict", "word"),
    [
        ("passed", "yes"),
        ("failed", "NO"),
        ("differs", "no"),
        ("inconclusive", "?"),
        ("not applicable", "-"),
        ("error", "error"),
        ("recorded", "-"),
    ],
)
def test_every_verdict_has_a_word(verdict: str, word: str) -> None:
    shown = report(cell("leaves"), cell("pool", verdict), servers=("hypercorn",))
    assert matrix.text(shown)[1].split()[2:] == [word, "yes"]


@pytest.mark.parametrize(
    ("measured", "word"),
    [
        ({"SIGTERM": 0.25, "SIGINT": 3.14}, "3.1 s"),
        ({"SIGTERM": 0.25, "SIGINT": None}, "hangs"),
        ({"SIGTERM": None, "SIGINT": None}, "hangs"),
    ],
)
def test_defaults_are_the_worse_of_both_signals(
    measured: dict[str, float | None], word: str
) -> None:
    found = replace(cell("defaults", "recorded"), measured=measured)
    lines = matrix.text(report(found, servers=("hypercorn",)))
    assert lines[1].split("hypercorn")[1].strip() == word
    assert lines[-3].startswith("defaults: seconds until every process has ended")


# Markdown.


def test_markdown_has_a_column_for_each_promise() -> None:
    lines = matrix.markdown(report(*everywhere("pool")))
    assert lines[0] == f"| | {' | '.join(NAMES)} |"
    by_nature = {row.name: "**no**" for row in PROMISES if row.only}
    words = [{"pool": "yes", **by_nature}.get(name, "-") for name in NAMES]
    assert lines[2] == f"| `/background` | {' | '.join(words)} |"
    assert [line.split("`")[1] for line in lines[2:]] == [row.path for row in REMEDIES]


@pytest.mark.parametrize(
    ("verdict", "word"), [("passed", "yes"), ("failed", "**no**"), ("differs", "**no**")]
)
def test_one_word_stands_where_all_agree(verdict: str, word: str) -> None:
    assert short(*everywhere("pool", verdict)) == word


def differing(promise: str, *subjects: tuple[str, str]) -> list[CellRow]:
    """Passed everywhere but on these subjects."""
    return [
        replace(row, verdict="differs") if (row.target, row.server) in subjects else row
        for row in everywhere(promise)
    ]


@pytest.mark.parametrize(
    ("subjects", "said"),
    [
        ([(B, server) for server in SERVERS], "yes: FastAPI; **no**: Quart"),
        (
            [(A, "hypercorn"), (B, "hypercorn")],
            "yes: all on uvicorn; **no**: all on hypercorn",
        ),
        (
            [(B, "hypercorn")],
            "yes: FastAPI; Quart on uvicorn; **no**: Quart on hypercorn",
        ),
        (
            [(A, "uvicorn/uvloop")],
            "yes: FastAPI on uvicorn/asyncio, hypercorn; Quart; **no**: FastAPI on uvicorn/uvloop",
        ),
    ],
)
def test_subjects_are_named_where_they_differ(subjects: list[tuple[str, str]], said: str) -> None:
    assert short(*differing("pool", *subjects)) == said


@pytest.mark.parametrize(
    ("promise", "low", "high", "said"),
    [
        ("gil", 2.4, 31.0, "×2 to ×31"),
        ("gil", 2.4, 2.1, "×2"),
        ("speed", 0.251, 0.49, "0.25 to 0.49"),
        ("speed", 0.5, 0.5, "0.50"),
    ],
)
def test_ratios_are_a_range(promise: str, low: float, high: float, said: str) -> None:
    cells = [cell(promise, target=A, ratio=low), cell(promise, target=B, ratio=high)]
    assert short(*cells) == said


def test_defaults_end_or_hang() -> None:
    ends = [replace(row, measured={"SIGTERM": 0.5}) for row in everywhere("defaults", "recorded")]
    assert short(*ends) == "ends"
    hangs = [replace(row, measured={"SIGTERM": None}) if row.target == B else row for row in ends]
    assert short(*hangs) == "ends: FastAPI; **hangs**: Quart"
