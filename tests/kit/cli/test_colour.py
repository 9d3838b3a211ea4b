"""Colour for the words that judge."""

from __future__ import annotations

import io

import pytest

from asgi_liveness.checking.report import Verdict
from asgi_liveness.cli.colour import COLOURS, painter
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.watching.judged import Condition

PLAIN = {Outcome.RECORDED, Outcome.NOT_APPLICABLE}


class Stream(io.StringIO):
    """A stream that is a terminal, or is not."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("environment", "terminal", "pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": "0"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": ""}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
        ({"TERM": "xterm"}, True, False),
    ],
)
def test_the_environment_decides_on_colour(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, *, terminal: bool, pipe: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for is_terminal, has_colour in ((True, terminal), (False, pipe)):
        text = painter(Stream(is_terminal=is_terminal))("LIVE", "live")
        assert text == ("\x1b[32mLIVE\x1b[0m" if has_colour else "LIVE")


@pytest.mark.parametrize("word", [*Verdict, *Outcome])
def test_every_verdict_and_outcome_has_its_colour(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert (painter(Stream(is_terminal=True))("x", word) == "x") is (word in PLAIN)


def test_only_words_that_judge_have_a_colour() -> None:
    assert COLOURS.keys() == {*Verdict, *Outcome, *Condition, "yes", "no"} - PLAIN
