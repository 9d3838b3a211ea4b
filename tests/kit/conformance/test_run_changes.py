"""What changed between two conformance runs, and which figures differ by more than the noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from asgi_liveness.changes import Change, ChangeKind
from asgi_liveness.conformance.changes import ORDER, compare
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.report import CellRow, ConformanceReport, TargetRow, WindowRow

SERVERS = ("uvicorn/asyncio", "uvicorn/uvloop", "hypercorn")
TARGETS = ("a:app", "b:app")
SUBJECTS = [(target, server) for target in TARGETS for server in SERVERS]
SPREAD = (1.0, 1.1, 1.2, 1.3, 1.4, 1.5)
"""A figure of each subject: without the furthest, they are apart by less than half."""


def cell(verdict: str = "passed", **changes: Any) -> CellRow:
    fields: dict[str, Any] = {
        "case": "SPEED-001",
        "slug": "background-speed",
        "target": "a:app",
        "server": "hypercorn",
        "verdict": verdict,
        "message": "",
        "link": "",
        "promise": "speed",
        "remedy": "background",
        "measured": {},
    }
    return CellRow(**{**fields, **changes})


def run(*cells: CellRow, idle: float = 0.01, **changes: Any) -> ConformanceReport:
    fields: dict[str, Any] = {
        "schema": 3,
        "contract": 4,
        "python": "3.12.1",
        "platform": {"system": "Linux", "machine": "x86_64", "cores": 2},
        "versions": {"uvicorn": "0.34.0"},
        "targets": (TargetRow("a:app", "FastAPI", "0.115.0"), TargetRow("b:app", None, None)),
        "servers": SERVERS,
        "cells": cells,
        "windows": (
            WindowRow(
                "(nothing)", "a:app", "hypercorn", "answering", "answering", 9, 9, idle, 0, 9
            ),
        ),
        "seconds": {},
    }
    return ConformanceReport(**{**fields, **changes})


def measured(*figures: float | None, name: str = "ratio", promise: str = "speed") -> list[CellRow]:
    """A cell of each subject with its figure."""
    return [
        cell("recorded", target=target, server=server, promise=promise, measured={name: figure})
        for (target, server), figure in zip(SUBJECTS, figures, strict=False)
    ]


def kinds(old: ConformanceReport, new: ConformanceReport) -> list[ChangeKind]:
    return [change.kind for change in compare(old, new).changes]


def test_a_run_is_as_itself() -> None:
    found = compare(run(cell(), *measured(*SPREAD)), run(cell(), *measured(*SPREAD)))
    assert (found.changes, found.exit_code) == ((), 0)


def test_a_row_names_the_case_and_its_subject_and_says_why() -> None:
    found = compare(run(cell()), run(cell("failed", message="SPEED-001: no step")))
    assert found.changes == (
        Change(
            "SPEED-001 background-speed on FastAPI, hypercorn",
            "passed",
            "failed",
            ChangeKind.WORSE,
            "SPEED-001: no step",
        ),
    )
    assert (found.compared, found.noun, found.exit_code) == (1, "cell", 1)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("failed", "passed", ChangeKind.BETTER),
        ("passed", "differs", ChangeKind.WORSE),
        ("passed", "error", ChangeKind.UNSURE),
        ("failed", "error", ChangeKind.UNSURE),
        ("failed", "inconclusive", ChangeKind.UNSURE),
        ("passed", "inconclusive", ChangeKind.UNSURE),
        ("inconclusive", "failed", ChangeKind.UNSURE),
        ("not applicable", "failed", ChangeKind.NEW),
        ("passed", "not applicable", ChangeKind.GONE),
    ],
)
def test_outcomes_are_compared_by_their_order(before: str, after: str, kind: ChangeKind) -> None:
    assert kinds(run(cell(before)), run(cell(after))) == [kind]


def test_every_outcome_is_in_the_order_or_judges_nothing() -> None:
    assert {*Outcome} - {*ORDER} == {
        Outcome.ERROR,
        Outcome.INCONCLUSIVE,
        Outcome.NOT_APPLICABLE,
        Outcome.RECORDED,
    }


def test_cells_of_one_run_alone_are_new_or_gone() -> None:
    old, new = run(cell(case="LIVE-001")), run(cell("failed", case="LIVE-002"))
    found = compare(old, new)
    assert [(row.kind, row.before, row.after) for row in found.changes] == [
        (ChangeKind.NEW, "", "failed"),
        (ChangeKind.GONE, "passed", ""),
    ]
    assert (found.compared, found.exit_code) == (0, 0)
    assert [row.kind for row in found.without_gone().changes] == [ChangeKind.NEW]


# Figures.


def test_a_figure_within_the_noise_is_as_before() -> None:
    assert kinds(run(*measured(*SPREAD)), run(*measured(1.3, *SPREAD[1:]))) == []


def test_a_figure_beyond_the_noise_has_changed_and_is_not_worse() -> None:
    found = compare(run(*measured(*SPREAD)), run(*measured(5.0, *SPREAD[1:])))
    (row,) = found.changes
    assert (row.before, row.after, row.kind) == ("ratio 1.00", "ratio 5.00", ChangeKind.CHANGED)
    assert found.exit_code == 0


def test_a_figure_that_changed_everywhere_has_changed() -> None:
    slower = run(*measured(*(figure * 3 for figure in SPREAD)))
    assert len(kinds(run(*measured(*SPREAD)), slower)) == len(SPREAD)


def test_few_subjects_show_no_noise_so_their_figures_are_not_compared() -> None:
    found = compare(run(*measured(1.0, 1.1, 1.2, 1.3)), run(*measured(9.0, 1.1, 1.2, 1.3)))
    assert found.changes == ()
    assert "fewer than 5 subjects" in found.notes[-1]


def test_seconds_differ_by_more_than_an_idle_app_made_a_probe_wait() -> None:
    figures = (0.010, 0.011, 0.012, 0.013, 0.014)
    old = run(*measured(*figures, name="seconds", promise="leaves"))
    later = measured(0.10, *figures[1:], name="seconds", promise="leaves")
    assert len(kinds(old, run(*later))) == 1
    assert kinds(old, run(*later, idle=0.095)) == []


def test_the_ratio_of_waits_is_no_more_exact_than_the_idle_waits() -> None:
    old = run(*measured(*SPREAD, promise="gil"))
    later = run(*measured(5.0, *SPREAD[1:], promise="gil"))
    assert len(kinds(old, later)) == 1
    idle = [replace(old.windows[0], longest_wait=wait) for wait in (0.01, 0.06)]
    assert kinds(old, replace(later, windows=tuple(idle))) == []


def test_never_is_no_figure_but_a_change() -> None:
    old, new = run(*measured(None, None)), run(*measured(1.5, None))
    (row,) = compare(old, new).changes
    assert (row.before, row.after, row.kind) == ("ratio never", "ratio 1.50", ChangeKind.CHANGED)


def test_figures_of_two_machines_are_not_compared() -> None:
    platform = {"system": "Linux", "machine": "x86_64", "cores": 64}
    new = run(*measured(5.0, *SPREAD[1:]), platform=platform)
    found = compare(run(*measured(*SPREAD)), new)
    assert (found.changes, found.notes) == (
        (),
        ("the runs are of different machines, so no figure was compared",),
    )


def test_notes_name_the_versions_that_differ() -> None:
    targets = (TargetRow("a:app", "FastAPI", "0.116.0"), TargetRow("b:app", None, None))
    new = run(cell(), contract=5, versions={"uvicorn": "0.35.0"}, targets=targets)
    assert compare(run(cell()), new).notes == (
        "contract 4, then 5: a case may judge something else",
        "uvicorn 0.34.0, then 0.35.0",
        "FastAPI 0.115.0, then 0.116.0",
    )
