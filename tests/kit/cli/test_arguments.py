"""A parser whose errors are a line."""

from __future__ import annotations

import argparse

import pytest

from asgi_liveness.cli.arguments import Parser
from asgi_liveness.errors import UsageError


def parser() -> Parser:
    made = Parser(prog="tool")
    work = made.add_subparsers(required=True).add_parser("work")
    work.add_argument("--number", type=int)
    work.add_argument("what")
    return made


def test_what_is_right_is_parsed() -> None:
    found = parser().parse(["work", "--number", "3", "a"], argparse.Namespace(more=1))
    assert found == argparse.Namespace(number=3, what="a", more=1)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (
            ["work", "--number", "x", "a"],
            "argument --number: invalid int value: 'x'; see tool work --help",
        ),
        (["work"], "the following arguments are required: what; see tool work --help"),
        (["work", "a", "--colour=red"], "there is no option --colour; see tool work --help"),
        (
            ["work", "a", "s3cret"],
            "there is a word too many; are quotes missing, as in --during 'GET /report'?",
        ),
    ],
)
def test_what_is_wrong_is_an_error_of_the_kit(
    argv: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError) as raised:
        parser().parse(argv, argparse.Namespace())
    assert str(raised.value) == told
    assert capsys.readouterr() == ("", "")
