"""``python -m asgi_liveness``: whatever happens is a line, and no traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asgi_liveness import __main__ as program
from asgi_liveness.cli import main as cli
from asgi_liveness.errors import TRACEBACK
from tests.conftest import Command

Capture = pytest.CaptureFixture[str]
KIT = ("-m", "asgi_liveness")


def redirected(how: str) -> tuple[str, ...]:
    """A prefix that runs the command with its streams redirected."""
    return ("sh", "-c", f'exec "$@" {how}', "sh")


@pytest.mark.parametrize(
    ("how", "code", "error"),
    [
        (">/dev/full", 2, "asgi-liveness: the disk is full; free some space and run again\n"),
        (">&-", 0, ""),
        (">&- <&- 2>&-", 0, ""),
        (">/dev/full 2>&1", 2, ""),
        ("2>/dev/full", 0, ""),
    ],
)
def test_a_closed_or_full_stream_is_no_traceback(
    how: str, code: int, error: str, command: Command
) -> None:
    done = command(*KIT, "contract", prefix=redirected(how))
    assert (done.returncode, done.stderr) == (code, error)


@pytest.mark.parametrize("how", ["2>/dev/full", "2>&-", ">&- 2>&- <&-"])
def test_an_error_that_cannot_be_printed_keeps_its_exit_code(how: str, command: Command) -> None:
    done = command(*KIT, "explain", "nonsense", prefix=redirected(how))
    assert (done.returncode, done.stdout + done.stderr) == (2, "")


@pytest.mark.parametrize("what", [("check", "x:app"), ("check", "x:app", "--report", "md=a")])
def test_a_folder_that_was_removed_is_an_error_of_one_line(
    what: tuple[str, ...], command: Command
) -> None:
    gone = ("sh", "-c", 'mkdir gone; cd gone; rmdir ../gone; exec "$@"', "sh")
    done = command(*KIT, *what, prefix=gone)
    assert done.returncode == 2
    assert done.stderr.startswith("asgi-liveness: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("what", ["contract", "explain LIVE-001"])
def test_texts_that_python_left_out_are_an_error_of_one_line(what: str, command: Command) -> None:
    done = command("-OO", *KIT, *what.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "asgi-liveness: Python left out the texts of the cases; unset PYTHONOPTIMIZE, and leave "
        "out -OO\n"
    )


def fail(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the command while its inside fails."""

    def main() -> int:
        raise error

    monkeypatch.setattr(cli, "main", main)
    return program.main()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RuntimeError("with a s3cret in it\n"), "a bug of asgi-liveness: RuntimeError"),
        (RecursionError(), "a bug of asgi-liveness: RecursionError"),
        (MemoryError(), "there is not enough memory; free some and run again"),
        (OSError(24, os.strerror(24)), "there are too many open files; raise the limit"),
        (OSError(28, os.strerror(28)), "the disk is full; free some space and run again"),
        (ExceptionGroup("", [ValueError("s3cret")]), "a bug of asgi-liveness: ExceptionGroup"),
    ],
)
def test_a_bug_is_one_line_and_no_finding(
    error: Exception, text: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    assert fail(error, monkeypatch) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"asgi-liveness: {text}")
    assert printed.count("\n") == 1
    assert "s3cret" not in printed


def test_the_traceback_of_a_bug_is_printed_if_one_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv(TRACEBACK, "1")
    assert fail(RuntimeError("so"), monkeypatch) == 2
    printed = capsys.readouterr().err
    assert "Traceback (most recent call last)" in printed
    assert "RuntimeError: so\n" in printed
    assert printed.splitlines()[-1].startswith("asgi-liveness: a bug of asgi-liveness")


def test_a_bug_names_the_line_of_the_kit(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(cli, "parsed", None)
    monkeypatch.setattr("sys.argv", ["asgi-liveness", "contract"])
    assert program.main() == 2
    assert "TypeError at main.py:" in capsys.readouterr().err


@pytest.mark.parametrize(("error", "code"), [(SystemExit(0), 0), (SystemExit("x"), 2)])
def test_an_exit_keeps_its_code(
    error: SystemExit, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fail(error, monkeypatch) == code


def test_an_interrupt_has_the_code_of_a_shell(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    assert fail(KeyboardInterrupt(), monkeypatch) == 130
    assert (
        capsys.readouterr().err
        == "\nasgi-liveness: interrupted; every server that it started is ended\n"
    )


def test_the_reader_of_a_pipe_that_has_gone_is_no_traceback(command: Command) -> None:
    done = command(*KIT, "contract", prefix=("sh", "-c", '"$@" | true; exit 0', "sh"))
    assert done.stderr == ""


def test_a_script_that_is_installed_runs_the_same_function() -> None:
    text = (Path(program.__file__).parents[2] / "pyproject.toml").read_text()
    assert 'asgi-liveness = "asgi_liveness.__main__:main"' in text
