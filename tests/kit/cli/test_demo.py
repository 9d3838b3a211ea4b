"""``asgi-liveness demo``: its words, and what it says where something is missing."""

from __future__ import annotations

import pytest

from asgi_liveness.cli import main as cli
from asgi_liveness.demo import columns

Capture = pytest.CaptureFixture[str]


def refused(words: list[str], capsys: Capture) -> str:
    """The one line with which a command is refused."""
    assert cli.main(["demo", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    return shown.err


def test_a_framework_that_is_near_is_meant(capsys: Capture) -> None:
    assert refused(["fastapy"], capsys).endswith("'fastapy'; did you mean 'fastapi'?\n")
    assert refused(["django"], capsys).endswith("choose from: fastapi, starlette, quart\n")


def test_a_framework_that_is_missing_can_be_installed(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "version", lambda _: None)
    assert (
        refused(["quart"], capsys) == "asgi-liveness: quart is not installed: pip install quart\n"
    )
    assert refused([], capsys).endswith("installed here: pip install 'asgi-liveness[demo]'\n")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--plain", "--web"], "choose one"),
        (["--port", "80"], "add --web"),
        (["--wep"], "did you mean '--web'?"),
    ],
)
def test_words_that_do_not_fit_are_refused(words: list[str], part: str, capsys: Capture) -> None:
    assert part in refused(words, capsys)


def test_a_server_that_does_not_exist_is_refused(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "version", lambda _: "1.0")
    assert "no server is called 'gunicorn'" in refused(["--server", "gunicorn"], capsys)
