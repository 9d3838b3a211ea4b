"""A command while others are busy: its exit code, and processes that end with it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.waiting import LIMIT, until
from tools.comparison import ROOT
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_the_command_started_ends_with_the_tool(number: int, tmp_path: Path) -> None:
    inner = f"import time; open({str(tmp_path / 'runs')!r}, 'w').close(); time.sleep(600)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    tool = (sys.executable, "-m", "tools.endurance.busy", "1", sys.executable, "-c", outer)
    with subprocess.Popen(tool, cwd=ROOT, stderr=subprocess.PIPE, process_group=0) as process:
        until((tmp_path / "runs").exists)
        started = psutil.Process(process.pid).children(recursive=True)
        assert len(started) == 3
        process.send_signal(number)
        _, said = process.communicate(timeout=LIMIT)
    assert said.splitlines()[-1] == b"interrupted; all that was started is ended"
    until(lambda: not any(child.is_running() for child in started))
