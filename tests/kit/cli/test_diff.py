"""``asgi-liveness diff``: what it prints, its exit codes, and its errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_liveness.changes import Change, ChangeKind, Comparison
from asgi_liveness.cli import diff_formats
from asgi_liveness.cli import main as cli
from asgi_liveness.conformance.report import ConformanceReport
from tests.kit.checking.made import INCONCLUSIVE, LIVE, STALLED, report
from tests.kit.hostile import ANY, PATIENTLY
from tests.kit.watching.test_screen import REPORT as WATCH
from tools.comparison import ROOT

Capture = pytest.CaptureFixture[str]
Recorded = Callable[[str, Any], str]
RECORDED = ROOT / "results" / "comparison.json"
CHANGES = st.builds(Change, ANY, ANY, ANY, st.sampled_from(ChangeKind), ANY)
COMPARISONS = st.builds(
    Comparison, st.lists(CHANGES, max_size=5).map(tuple), st.integers(0, 9), st.just("cell")
)


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    """Write a report into a file; return its name."""

    def write(name: str, report: Any) -> str:
        path = tmp_path / name
        path.write_text(report if isinstance(report, str) else report.to_json())
        return str(path)

    return write


def test_a_check_that_got_worse_exits_with_1(recorded: Recorded, capsys: Capture) -> None:
    old, new = recorded("old.json", report(LIVE)), recorded("new.json", report(STALLED))
    assert cli.main(["diff", old, new]) == 1
    assert capsys.readouterr().out == (
        f"from {old}\nto   {new}\n\n"
        "WORSE\n"
        "  GET /report  live -> stalled\n"
        "    myapp/reports.py:12 in report()\n\n"
        "  times count as changed by more than 50 ms\n\n"
        "2 windows compared: 1 worse.\n"
    )


def test_what_changed_is_a_page_as_well(
    recorded: Recorded, capsys: Capture, tmp_path: Path
) -> None:
    old, new = recorded("old.json", report(LIVE)), recorded("new.json", report(STALLED))
    file = tmp_path / "diff.html"
    assert cli.main(["diff", old, new, "--html", str(file)]) == 1
    assert capsys.readouterr().out.endswith(f"wrote {file}\n")
    text = file.read_text()
    assert "2 windows compared: 1 worse." in text
    assert "myapp/reports.py:12 in report()" in text
    assert cli.main(["diff", old, new, "--html", new]) == 2
    assert "that is the report itself" in capsys.readouterr().err


def test_what_is_better_the_same_or_unknown_exits_with_0(
    recorded: Recorded, capsys: Capture
) -> None:
    old = recorded("old.json", report(STALLED))
    assert cli.main(["diff", old, recorded("new.json", report(LIVE))]) == 0
    assert "BETTER\n  GET /report  stalled -> live\n" in capsys.readouterr().out
    assert cli.main(["diff", old, old]) == 0
    assert "2 windows compared: all as before.\n" in capsys.readouterr().out
    assert cli.main(["diff", old, recorded("new.json", report(INCONCLUSIVE))]) == 0
    shown = capsys.readouterr().out
    assert "NOT COMPARABLE (one of the two could not be judged)\n" in shown
    assert "2 windows compared: 1 not comparable.\n" in shown


def test_the_record_is_as_itself_and_a_part_of_it_lacks_nothing(
    recorded: Recorded, capsys: Capture
) -> None:
    made = ConformanceReport.load(RECORDED)
    part = replace(made, cells=tuple(cell for cell in made.cells if "LIVE" in cell.case))
    failed = replace(part.cells[1], verdict="failed", message="LIVE-002: it answered")
    new = recorded("new.json", replace(part, cells=(part.cells[0], failed, *part.cells[2:])))
    assert cli.main(["diff", str(RECORDED), new]) == 1
    assert re.search(r"GONE\n.*\n  and \d+ more: --verbose\n", capsys.readouterr().out, re.DOTALL)
    assert cli.main(["diff", str(RECORDED), new, "--partial"]) == 1
    shown = capsys.readouterr().out
    assert "  LIVE-002 blocking-freezes on FastAPI, uvicorn/asyncio  passed -> failed\n" in shown
    assert "GONE" not in shown
    assert shown.endswith(f"{len(part.cells)} cells compared: 1 worse.\n")


def test_every_row_is_printed_if_asked_for(recorded: Recorded, capsys: Capture) -> None:
    made = ConformanceReport.load(RECORDED)
    new = recorded("new.json", replace(made, cells=made.cells[:1]))
    assert cli.main(["diff", str(RECORDED), new, "--verbose"]) == 0
    assert capsys.readouterr().out.count("  passed\n") > 100


def test_a_watch_is_compared_and_markdown_has_a_table(recorded: Recorded, capsys: Capture) -> None:
    old, new = recorded("old.json", replace(WATCH, culprits=())), recorded("new.json", WATCH)
    assert cli.main(["diff", old, new, "--format", "md"]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("**0 lines compared: 1 worse.** From ")
    assert "| worse | app/report.py:12 in report() | - | 5 stalls, the longest 3.1 s |" in shown


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("# A report", "is not JSON: "),
        ("[]", "is not a report of a check, a watch or a run"),
        (report(LIVE).to_json()[:500], "is not JSON: "),
        ("[" * 100_000, "is not JSON that can be read: it is nested too deep"),
        ("9" * 10_000, "is not JSON: "),
        ('{"culprits": 5, "kind": "watch"}', "is not a report of schema"),
        (json.dumps({**json.loads(report(LIVE).to_json()), "max_stall_s": float("nan")}), "schema"),
        (WATCH.to_json(), "is the report of a check and "),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(
    content: str, error: str, recorded: Recorded, capsys: Capture
) -> None:
    words = ["diff", recorded("old.json", report(LIVE)), recorded("new.json", content)]
    assert cli.main(words) == 2
    printed = capsys.readouterr()
    assert not printed.out
    assert error in printed.err
    assert printed.err.count("\n") == 1


# Texts from outside.


@PATIENTLY
@given(COMPARISONS)
def test_text_has_no_character_that_controls_a_terminal(comparison: Comparison) -> None:
    for verbose in (True, False):
        shown = diff_formats.text(comparison, "old", "new", verbose=verbose)
        assert all(letter == "\n" or letter.isprintable() for letter in shown if letter < "\x80")
        assert not {*"\u202e\u2028\x1b\x7f\udcff"} & {*shown}
        assert not re.search(r"^\s*(::error|##\[)", shown, re.MULTILINE)


@PATIENTLY
@given(COMPARISONS)
def test_a_row_of_markdown_is_one_line_without_markup(comparison: Comparison) -> None:
    shown = diff_formats.markdown(comparison, "old", "new")
    rows = [line for line in shown.splitlines() if line.startswith("| ")]
    assert len(rows) == (len(comparison.changes) + 2 if comparison.changes else 0)
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) == 6
    assert "<" not in shown
    assert not re.search(r"(?<!\\)[\[\]]", shown)


def test_a_long_text_is_cut() -> None:
    long = "W" * 100_000
    row = Change(long, long, long, ChangeKind.WORSE, long)
    found = Comparison((row,), 1, "cell")
    assert len(diff_formats.text(found, "old", "new")) < 3000
    assert len(diff_formats.markdown(found, "old", "new")) < 3000
