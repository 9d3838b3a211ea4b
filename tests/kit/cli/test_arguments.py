"""A parser whose errors are one line."""

from __future__ import annotations

import argparse

import pytest

from asgi_liveness.cli.arguments import Parser, did_you_mean, split_names
from asgi_liveness.errors import UsageError


def parser(*, takes_command: bool = False) -> Parser:
    made = Parser(prog="tool work")
    made.takes_command = takes_command
    made.add_argument("--number", type=int)
    made.add_argument("what")
    return made


def test_right_arguments_are_parsed() -> None:
    found = parser().parse(["--number", "3", "a"])
    assert found == argparse.Namespace(number=3, what="a", served=())


def test_words_after_two_dashes_are_a_command_of_the_users() -> None:
    found = parser(takes_command=True).parse(["a", "--", "b", "--number", "--", "c"])
    assert found.served == ("b", "--number", "--", "c")
    assert found.what == "a"


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        (
            ["--number", "x", "a"],
            "argument --number: invalid int value: 'x'; see tool work --help",
        ),
        ([], "the following arguments are required: what; see tool work --help"),
        (["a", "--colour=red"], "there is no option --colour; see tool work --help"),
        (["a", "--numbr=3"], "there is no option --numbr; did you mean '--number'?"),
        (["a", "--num", "3"], "there is no option --num; did you mean '--number'?"),
        (["a", "s3cret"], "there is one word too many; see tool work --help"),
    ],
)
def test_bad_arguments_are_an_error_of_the_kit(
    argv: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError) as raised:
        parser().parse(argv)
    assert str(raised.value) == error
    assert capsys.readouterr() == ("", "")


def test_a_word_too_many_may_be_a_request_without_its_quotes() -> None:
    with pytest.raises(UsageError) as raised:
        parser(takes_command=True).parse(["a", "s3cret"])
    assert str(raised.value) == (
        "there is one word too many; are quotes missing, as in --during 'GET /report'?"
    )


def test_names_may_stand_together_with_commas_between() -> None:
    assert split_names(["a,b", "c"]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("word", "question"), [("chek", "; did you mean 'check'?"), ("xyz", ""), ("", "")]
)
def test_only_a_near_word_is_asked_about(word: str, question: str) -> None:
    assert did_you_mean(word, ["check", "run"]) == question
