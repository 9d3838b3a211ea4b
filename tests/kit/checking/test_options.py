"""The one table of the options of a check, and what is derived from it."""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.checking.again import again
from asgi_liveness.checking.before import Before
from asgi_liveness.checking.option import Option, OptionKind
from asgi_liveness.checking.options import DECLARED, DEFAULTS, Options
from asgi_liveness.checking.settings import load
from asgi_liveness.cli import main as cli
from asgi_liveness.cli.check import given
from asgi_liveness.errors import UsageError

EXAMPLES: dict[OptionKind, tuple[list[str], Any]] = {
    OptionKind.TARGET: (["b:app"], "b:app"),
    OptionKind.TEXT: (["hypercorn"], "hypercorn"),
    OptionKind.TIME: (["1.5s"], 1.5),
    OptionKind.COUNT: (["3"], 3),
    OptionKind.FLAG: ([], True),
    OptionKind.SCOPE: ([], True),
    OptionKind.TEXTS: (["/a"], ("/a",)),
    OptionKind.HEADERS: (["A: b"], ("A: b",)),
    OptionKind.DATA: (["x"], b"x"),
    OptionKind.BEFORE: (["POST /login"], (Before("POST /login"),)),
    OptionKind.WORDS: (["serve", "{port}"], ("serve", "{port}")),
}
"""Words of a command line for each kind, and the value that they mean."""


def example(name: str) -> tuple[list[str], Any]:
    if name == "header_from":
        return ["A: {b}"], ("A: {b}",)
    return (["asyncio"], "asyncio") if name == "loop" else EXAMPLES[DECLARED[name].kind]


def test_every_field_is_declared_as_one_option() -> None:
    assert [*DECLARED] == [field.name for field in fields(Options)] == [*DEFAULTS]
    flags = [option.flag for option in DECLARED.values()]
    assert len({*flags}) == len(flags)
    assert {option.kind for option in DECLARED.values()} == {*OptionKind} == EXAMPLES.keys()
    assert all(option.help for option in DECLARED.values())


@pytest.mark.parametrize("name", DECLARED)
def test_every_option_can_be_given_on_the_command_line(name: str) -> None:
    words, value = example(name)
    line = ["check", *([DECLARED[name].flag] if DECLARED[name].flag else []), *words]
    assert given(cli.parsed(line)) == {name: value}


@pytest.mark.parametrize("name", [name for name in DECLARED if name != "body"])
def test_every_option_but_the_body_can_be_a_setting(name: str, tmp_path: Path) -> None:
    _, value = example(name)
    texts = [*value] if isinstance(value, tuple) else value
    if name == "before":
        texts = [row.request for row in value]
    table = f"{name.replace('_', '-')} = {str(texts).lower() if texts is True else repr(texts)}"
    assert tomllib.loads(table)
    (tmp_path / "pyproject.toml").write_text(f"[tool.asgi-liveness]\n{table}\n")
    assert load(tmp_path) == {name: value}


@pytest.mark.parametrize(
    "name", [name for name, row in DECLARED.items() if row.kind is not OptionKind.WORDS]
)
def test_every_option_stands_in_the_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    option = DECLARED[name]
    with pytest.raises(SystemExit):
        cli.main(["check", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert " ".join(filter(None, (option.flag, option.metavar))) in shown
    assert option.help in shown


@pytest.mark.parametrize("name", DECLARED)
def test_every_option_stands_in_the_command_that_repeats_a_check(name: str) -> None:
    _, value = example(name)
    target: dict[str, Any] = {} if name in ("target", "command") else {"target": "a:app"}
    if name == "header_from":
        target["before"] = (Before("/login"),)
    words = shlex.split(again(Options(**{**target, name: value})))
    assert DECLARED[name].flag in [*words, ""]
    if DECLARED[name].kind not in (OptionKind.HEADERS, OptionKind.DATA):
        assert given(cli.parsed(words[1:])) == {**target, name: value}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"duration": 0.4}, "--duration is 400ms; give 500ms to 1h"),
        ({"duration": 0.0}, "--duration is 0s; give 500ms to 1h"),
        ({"duration": 3601.0}, "--duration is 3601s; give 500ms to 1h"),
        ({"duration": 7200.0}, "--duration is 2h; give 500ms to 1h"),
        ({"duration": float("nan")}, "--duration is nan; give a number, in seconds if a time"),
        ({"duration": "4s"}, "--duration is '4s'; give a number, in seconds if a time"),
        ({"concurrency": True}, "--concurrency is True; give a number, in seconds if a time"),
        ({"max_stall": 0.004}, "--max-stall is 4ms; give 5ms to 1h"),
        ({"start_limit": 0.9}, "--start-limit is 900ms; give 1s to 1h"),
        (
            {"max_stall": 3.0},
            (
                "a stall of --max-stall 3s cannot be seen within --duration 4s; "
                "give --duration 6s or more"
            ),
        ),
        ({"openapi": "some"}, "--openapi is 'some'; write --openapi or --openapi=all"),
        (
            {"header_from": ("A: {b}",)},
            (
                "--header-from reads the answer of a --before, and there is none; give one, as "
                "--before 'POST /login' -d @login.json"
            ),
        ),
        ({"concurrency": 0}, "--concurrency is 0; give 1 to 1000"),
        ({"concurrency": 1001}, "--concurrency is 1001; give 1 to 1000"),
        ({"loop": "trio"}, "no event loop is called 'trio'; choose auto, asyncio or uvloop"),
    ],
)
def test_a_value_out_of_its_range_is_an_error(options: dict[str, Any], error: str) -> None:
    with pytest.raises(UsageError) as raised:
        Options("a:app", **options)
    assert str(raised.value) == error


@pytest.mark.parametrize(
    "options",
    [
        {"duration": 0.5},
        {"duration": 3600.0},
        {"concurrency": 1000},
        {"max_stall": 2.0},
        {"duration": 4},
        {"openapi": "all"},
    ],
)
def test_the_bounds_of_a_range_are_within_it(options: dict[str, Any]) -> None:
    Options("a:app", **options)


def test_an_option_that_is_no_number_has_no_range() -> None:
    Option("--name", OptionKind.TEXT, "NAME", "a name").check("anything")
