"""A command while others are busy: its exit code, and processes that end with it."""

from __future__ import annotations

import sys

import psutil
import pytest

from tools.endurance import busy

ENDS = (sys.executable, "-c", "raise SystemExit(3)")


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def test_the_machine_is_busy_as_long_as_asked() -> None:
    before = children()
    with busy.busy(2):
        assert len(children() - before) == 2
    assert children() == before


def test_the_exit_code_is_that_of_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["busy", "1", *ENDS])
    before = children()
    assert busy.main() == 3
    assert "ended with 3 after" in capsys.readouterr().out
    assert children() == before


@pytest.mark.parametrize(
    ("words", "line"),
    [(["6"], "name a command, as: 6 nox"), (["0", "no-such-command"], "no-such-command does not")],
)
def test_what_cannot_run_is_one_line(
    words: list[str],
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["busy", *words])
    with pytest.raises(SystemExit) as ended:
        busy.main()
    assert ended.value.code == 2
    assert line in capsys.readouterr().err
