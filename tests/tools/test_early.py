"""The comparison of early windows with whole ones: its checks, and what counts as different."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tools.endurance.early import CORPUS, Check, checks
from tools.marks import marks

APPS = CORPUS / "apps"
ENDLESS = "crunching.py"
CHECK = Check("crunching", APPS, ())


def row(
    verdict: str = "stalled", file: str = ENDLESS, line: int = 1, **more: Any
) -> dict[str, Any]:
    """A row of a report with a culprit."""
    culprit = {"file": file, "line": line, "function": "solve"} | more
    return {"verdict": verdict, "culprit": culprit, "notes": []}


def closed(row: dict[str, Any]) -> dict[str, Any]:
    """The same row, of a window that was closed early."""
    return row | {"notes": ["the verdict was certain after 1.2 s, so GET / was closed then."]}


def test_every_app_of_the_corpus_is_checked() -> None:
    marked = {path.stem for path in APPS.glob("*.py") if marks(path.read_text())}
    cases = tomllib.loads((CORPUS / "reports" / "cases.toml").read_text())
    assert {check.name for check in checks()} == marked | cases.keys()
    left = {word for check in checks() for word in check.words if "{" in word}
    assert left == {"{port}", "127.0.0.1:{port}", "@{body}"}


def test_two_verdicts_are_different() -> None:
    assert not CHECK._agree(row(), row(verdict="live"))
    assert not CHECK._agree(row(), row() | {"culprit": None})
    assert not CHECK._agree(row(verdict="live") | {"culprit": None}, row() | {"culprit": None})
    assert CHECK._agree(row() | {"culprit": None}, row() | {"culprit": None})


@pytest.mark.parametrize("other", [1, 2])
def test_lines_without_a_mark_are_compared(other: int) -> None:
    assert CHECK._agree(row(line=1), row(line=other)) is (other == 1)


def test_lines_with_one_mark_are_one() -> None:
    lines = next(
        mark.lines
        for path in sorted(APPS.glob("*.py"))
        for mark in marks(path.read_text())
        if len(mark.lines) > 1 and path.name == "computing.py"
    )
    first, second = (row(file="computing.py", line=line) for line in lines[:2])
    assert CHECK._agree(first, second)
    assert not CHECK._agree(first, row(file="computing.py", line=1))


@pytest.mark.parametrize(("function", "agree"), [("solve", True), ("other", False)])
def test_lines_of_a_library_are_those_of_its_function(function: str, *, agree: bool) -> None:
    library = "/srv/lib/python3.12/site-packages/numpy/linalg.py"
    early = closed(row(file=library))
    assert CHECK._agree(early, row(file=library, line=9, function=function)) is agree


@pytest.mark.parametrize(("package", "agree"), [("rich", True), ("pygments", False)])
def test_a_window_that_was_not_closed_has_the_library_in_common(
    package: str, *, agree: bool
) -> None:
    early, other = (
        row(file=f"/srv/lib/python3.12/site-packages/{each}", function=each)
        for each in ("rich/table.py", f"{package}/console.py")
    )
    assert CHECK._agree(early, other) is agree
    assert not CHECK._agree(closed(early), other)
