"""The bar of a long command: on a terminal only, and gone before the next line."""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections.abc import Iterator

import pytest

from asgi_liveness.cli.progress import Letters, Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextlib.contextmanager
def one_terminal() -> Iterator[Terminal]:
    """Both streams on one terminal; pytest sets its own as a test begins."""
    made = Terminal()
    with contextlib.redirect_stdout(made), contextlib.redirect_stderr(made):
        yield made


def lines(terminal: Terminal) -> list[str]:
    """What stands on the terminal at the end, a line that was cleared left out."""
    return [re.split(r"\r\x1b\[K", line)[-1] for line in terminal.getvalue().split("\n")]


def test_the_bar_grows_and_says_how_much_time_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = iter([0.0, 40.0, 60.0, 61.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    with one_terminal() as terminal:
        bar = Progress()
        bar.show("a", 0.25)
        assert lines(terminal) == [f"[{'#' * 5}{'-' * 15}] about 2 min left  a"]
        bar.show("b", 0.5)
        assert lines(terminal) == [f"[{'#' * 10}{'-' * 10}] about 1 min left  b"]
        bar.show("c", 0.999)
        assert lines(terminal) == [f"[{'#' * 20}] about 5 s left  c"]


def test_the_bar_is_never_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    with one_terminal() as terminal:
        Progress().show("x" * 500, 0.5)
    assert len(lines(terminal)[-1]) < 60


def test_letters_appear_as_a_whole_line_in_place_of_the_bar() -> None:
    with one_terminal() as terminal:
        bar = Progress()
        line = Letters(bar)
        for number in range(3):
            bar.show("LIVE-001", (number + 1) / 3)
            line.add(".")
        assert "..." not in terminal.getvalue()
        line.end()
    assert lines(terminal) == ["...", ""]


def test_letters_that_were_held_back_are_printed_when_the_command_ends() -> None:
    with one_terminal() as terminal:
        line = Letters(Progress())
        line.add("..F")
        line.flush()
        line.flush()
    assert terminal.getvalue() == "..F"


def test_elsewhere_letters_come_as_they_go_and_there_is_no_bar(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bar = Progress()
    line = Letters(bar)
    bar.show("LIVE-001", 0.5)
    line.add(".")
    assert capsys.readouterr() == (".", "")
    line.end()
    assert capsys.readouterr() == ("\n", "")
