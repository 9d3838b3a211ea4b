"""The command ``asgi-liveness``: its help, its version, and the words that are no command."""

from __future__ import annotations

import importlib
import shlex
from typing import TYPE_CHECKING

import pytest

import asgi_liveness
from asgi_liveness.cli import main as cli
from asgi_liveness.cli.arguments import Parser

if TYPE_CHECKING:
    from tests.conftest import Command

Capture = pytest.CaptureFixture[str]
NAMES = [row.name for row in cli.COMMANDS]
HEAVY = {"httpx", "psutil", "asyncio", "importlib.metadata", "asgi_liveness.conformance"}


def shown(words: list[str], capsys: Capture) -> str:
    """What a command prints that ends by itself with 0."""
    with pytest.raises(SystemExit) as raised:
        cli.main(words)
    assert raised.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["check", "--help"]])
def test_help_asks_the_question_and_has_right_examples(words: list[str], capsys: Capture) -> None:
    text = shown(words, capsys)
    assert "Does your ASGI app still answer while it works? If not, which line blocks it?" in text
    assert "exit codes: 0 live" in text
    examples = [line for line in text.splitlines() if line.startswith("  asgi-liveness ")]
    assert len(examples) == 5
    for example in examples:
        cli.parsed(shlex.split(example)[1:])


def test_help_has_a_line_for_every_command(capsys: Capture) -> None:
    text = shown(["--help"], capsys)
    for row in cli.COMMANDS:
        assert " ".join(f"{row.name} {row.help}".split()) in " ".join(text.split())


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_its_own_help(name: str, capsys: Capture) -> None:
    assert shown([name, "--help"], capsys).startswith(f"usage: asgi-liveness {name}")


@pytest.mark.parametrize("row", cli.COMMANDS, ids=NAMES)
def test_every_command_has_a_function_to_run(row: cli.CommandRow) -> None:
    parser = Parser(prog=row.name)
    module = importlib.import_module(f"asgi_liveness.cli.{row.module}")
    getattr(module, f"add_{row.name}")(parser)
    assert callable(parser.get_default("action"))


def test_the_version_is_that_of_the_package(capsys: Capture) -> None:
    assert shown(["--version"], capsys) == f"asgi-liveness {asgi_liveness.__version__}\n"


def test_the_command_alone_prints_the_help_and_is_no_success(capsys: Capture) -> None:
    assert cli.main([]) == 2
    printed = capsys.readouterr()
    assert not printed.out
    assert printed.err == shown(["--help"], capsys)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("chek", "there is no command 'chek'; did you mean 'check'?"),
        ("chek --during /a", "there is no command 'chek'; did you mean 'check'?"),
        ("xyz", f"there is no command 'xyz'; there is {', '.join(NAMES)}"),
        ("--versoin", "there is no option --versoin; did you mean '--version'?"),
        ("--server=x run a:app", "there is no option --server; see asgi-liveness --help"),
        ("--", "there is no option --; see asgi-liveness --help"),
        ("run", "the following arguments are required: target; see asgi-liveness run --help"),
        ("run a:app --sever x", "there is no option --sever; did you mean '--server'?"),
        (
            "run x:app --has supervised process",
            "there is one word too many; to give --has several values, write --has supervised,",
        ),
        (
            "run --has supervised process x:app",
            "to give --has several values, write --has supervised,process",
        ),
        (
            "run x:app --server uvicorn hypercorn",
            "there is one word too many; to give --server several values, write --server uvicorn -",
        ),
        ("diff a b c", "there is one word too many; see asgi-liveness diff --help"),
        ("serve a:app --port x", "argument --port: invalid int value: 'x'; see asgi-liveness"),
    ],
)
def test_a_bad_word_is_an_error_that_is_printed_once(
    words: str, error: str, capsys: Capture
) -> None:
    assert cli.main(shlex.split(words)) == 2
    printed = capsys.readouterr()
    assert not printed.out
    assert printed.err.startswith(f"asgi-liveness: {error}")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["check", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str], command: Command) -> None:
    code = (
        "import sys; from asgi_liveness.__main__ import main; sys.argv = ['x', *sys.argv[1:]]\n"
        "try: main()\n"
        "finally: print(*sys.modules, file=sys.stderr)\n"
    )
    done = command("-c", code, *arguments)
    assert done.returncode == 0
    loaded = {*done.stderr.split()}
    assert "asgi_liveness.cli.main" in loaded
    assert not loaded & HEAVY
