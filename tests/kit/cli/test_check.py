"""``asgi-liveness check``, ``explain`` and ``selftest``: what is typed, and what comes out."""

from __future__ import annotations

import io
import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asgi_liveness.checking import render, selftest
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.report import Report, WindowReport
from asgi_liveness.cli import check as command
from asgi_liveness.cli import main as cli
from asgi_liveness.cli.explain import explain
from asgi_liveness.errors import TargetError
from tests.kit.checking.made import (
    INCONCLUSIVE,
    LIVE,
    STALLED,
    report,
)

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run where there are no settings."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """What a check is asked for; it finds a live app."""
    options: list[Options] = []

    def run(given: Options, _: Callable[[str], None]) -> Report:
        options.append(given)
        return report(LIVE)

    monkeypatch.setattr(command, "run", run)
    return options


def finding(monkeypatch: pytest.MonkeyPatch, *routes: WindowReport) -> Report:
    """Let a check find these windows."""
    found = report(*routes)
    monkeypatch.setattr(command, "run", lambda _, __: found)
    return found


# What is typed.


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("myapp.main:app", Options("myapp.main:app")),
        (
            "myapp:make --factory --during 'GET /a' --during /b --probe /healthz",
            Options("myapp:make", factory=True, during=("GET /a", "/b"), probe="/healthz"),
        ),
        (
            "a:app -H 'X-Token: t' -H A:b -d body --server hypercorn --loop uvloop --app-dir src",
            Options(
                "a:app",
                headers=("X-Token: t", "A:b"),
                body=b"body",
                server="hypercorn",
                loop="uvloop",
                app_dir="src",
            ),
        ),
        (
            "a:app --duration 1.5 --max-stall 50ms --start-limit 2m --concurrency 3 --openapi",
            Options(
                "a:app",
                duration=1.5,
                max_stall=0.05,
                start_limit=120.0,
                concurrency=3,
                openapi=True,
            ),
        ),
        (
            "http://10.0.0.1 --allow-remote --during /a",
            Options("http://10.0.0.1", allow_remote=True, during=("/a",)),
        ),
        (
            "--during /a -- granian --port {port} -d -- --during",
            Options(
                during=("/a",),
                command=("granian", "--port", "{port}", "-d", "--", "--during"),
            ),
        ),
    ],
)
def test_options_are_read(words: str, options: Options, asked: list[Options]) -> None:
    assert cli.main(["check", *shlex.split(words)]) == 0
    assert asked == [options]


def test_a_body_is_read_from_a_file(folder: Path, asked: list[Options]) -> None:
    (folder / "body.json").write_bytes(b"\xff{}")
    assert cli.main(["check", "a:app", "-d", "@body.json"]) == 0
    assert asked[0].body == b"\xff{}"


def test_the_projects_settings_are_taken_and_the_command_line_wins(
    folder: Path, asked: list[Options]
) -> None:
    (folder / "pyproject.toml").write_text(
        '[tool.asgi-liveness]\ntarget = "a:app"\nduring = ["/a"]\nmax-stall = "50ms"\n'
    )
    assert cli.main(["check", "--during", "/b"]) == 0
    assert asked == [Options("a:app", during=("/b",), max_stall=0.05)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "there is nothing to check; name an app"),
        ("a:app -- granian", "'a:app' and a command after -- were given"),
        ("a:app --during", "argument --during: expected one argument; see asgi-liveness check"),
        ("a:app --during GET /a", "a word too many; are quotes missing, as in --during 'GET /rep"),
        ("a:app --durin /a", "there is no option --durin; see asgi-liveness check --help"),
        ("a:app --prob=/a", "there is no option --prob; see"),
        ("a:app --duration=-4s", "--duration '-4s': write a time above zero"),
        ("a:app --duration 0", "--duration '0': write a time above zero"),
        ("a:app --max-stall soon", "--max-stall 'soon': write a time above zero"),
        ("a:app --duration 2h", "--duration '2h': write a time"),
        ("a:app --duration 90m", "--duration is 5400 s; give 0.5 s to an hour"),
        ("a:app --concurrency many", "argument --concurrency: invalid int value: 'many'"),
        ("a:app --server gunicorn", "no server is called 'gunicorn'"),
        ("a:app --report xml=a", "write FORMAT=FILE, with json, junit, github or md"),
        ("a:app --report json=/dev/null/a", "cannot be written"),
        ("a:app -d @missing", "the file after -d @ cannot be read: No such file or directory"),
    ],
)
def test_what_is_typed_wrongly_is_an_error_of_a_line(
    words: str, told: str, asked: list[Options], capsys: Capture
) -> None:
    assert cli.main(["check", *shlex.split(words)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("asgi-liveness: ")
    assert told in error
    assert error.count("\n") == 1
    assert not asked


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("a:app --during GETT\\ /x", "GETT is no method; did you mean GET?"),
        ("a:app --during report", "--during 'report': a path begins with one slash"),
        ("a:app --during GET", "the path is missing; write 'GET /report'"),
        ("a:app --probe healthz", "--probe 'healthz': a path begins with one slash"),
        ("a:app -H s3cret", "one of the headers has no name"),
    ],
)
def test_a_bad_request_is_refused_before_anything_is_started(
    words: str, told: str, capsys: Capture
) -> None:
    assert cli.main(["check", *shlex.split(words)]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert "s3cret" not in error


@pytest.mark.parametrize(
    "words",
    [
        "a:app -H X-Token: s3cret",  # quotes are missing
        "-H X-Token: s3cret a:app --durin",
        "a:app -H 's3cret s3cret: a' --during report",
        "a:app -d @s3cret",
        "a:app -H 'X-Token: s3cret' -d s3cret --concurrency 0",
        "a:app -H 'X-Token: s3cret\n' --probe nowhere",
    ],
)
def test_no_error_repeats_what_headers_and_bodies_hold(words: str, capsys: Capture) -> None:
    assert cli.main(["check", *shlex.split(words)]) == 2
    assert "s3cret" not in capsys.readouterr().err


# What comes out.


@pytest.mark.parametrize(("route", "code"), [(LIVE, 0), (STALLED, 1), (INCONCLUSIVE, 3)])
def test_the_screen_is_printed_and_the_verdict_is_the_exit_code(
    route: WindowReport, code: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    found = finding(monkeypatch, route)
    assert cli.main(["check", "a:app"]) == code
    printed = capsys.readouterr()
    assert printed.out == render.text(found)
    assert not printed.err


def test_what_could_not_be_run_is_a_line(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def run(_: Options, __: Callable[[str], None]) -> Report:
        raise TargetError("a:app: there is no module 'a'")

    monkeypatch.setattr(command, "run", run)
    assert cli.main(["check", "a:app"]) == 2
    assert capsys.readouterr() == ("", "asgi-liveness: a:app: there is no module 'a'\n")


def test_reports_are_written_beside_the_screen(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    found = finding(monkeypatch, STALLED)
    words = ["check", "a:app", "--report", "junit=out/a.xml", "--report", "json=a.json"]
    assert cli.main(words) == 1
    assert json.loads((folder / "a.json").read_text())["verdict"] == "stalled"
    assert "<failure " in (folder / "out" / "a.xml").read_text()
    assert capsys.readouterr().out == render.text(found)


def test_a_report_on_standard_output_is_alone_there(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    found = finding(monkeypatch, STALLED)
    assert cli.main(["check", "a:app", "--report", "json=-"]) == 1
    printed = capsys.readouterr()
    assert printed.out == found.to_json()
    assert printed.err == render.text(found)


@pytest.mark.parametrize(("route", "code"), [(LIVE, 2), (STALLED, 1)])
def test_a_report_that_cannot_be_written_after_all_is_told(
    route: WindowReport, code: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    found = finding(monkeypatch, route)
    assert cli.main(["check", "a:app", "--report", "json=/dev/full"]) == code
    printed = capsys.readouterr()
    assert printed.out == render.text(found)
    told = "asgi-liveness: /dev/full could not be written: No space left on device\n"
    assert printed.err == told


class Terminal(io.StringIO):
    """What is a terminal, or is not."""

    def __init__(self, *, is_one: bool) -> None:
        super().__init__()
        self._is_one = is_one

    def isatty(self) -> bool:
        return self._is_one


@pytest.mark.parametrize("is_one", [True, False])
def test_what_goes_on_is_shown_on_a_terminal_alone_and_cleared(
    monkeypatch: pytest.MonkeyPatch, *, is_one: bool
) -> None:
    def run(_: Options, tell: Callable[[str], None]) -> Report:
        tell("starting")
        tell("idle")
        raise TargetError("it died")

    terminal = Terminal(is_one=is_one)
    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr(sys, "stderr", terminal)
    assert cli.main(["check", "a:app"]) == 2
    shown = "\r\x1b[Kstarting\r\x1b[Kidle\r\x1b[K" if is_one else ""
    assert terminal.getvalue() == f"{shown}asgi-liveness: it died\n"


def test_what_a_terminal_cannot_show_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    finding(monkeypatch, LIVE)
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    assert cli.main(["check", "a:app"]) == 0
    sys.stdout.flush()
    assert b"myapp.main:app \\xb7 uvicorn" in written.getvalue()


# Help, explain, selftest.


@pytest.mark.parametrize("words", [["--help"], ["check", "--help"]])
def test_help_asks_the_question_and_has_four_examples_that_are_right(
    words: list[str], capsys: Capture
) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(words)
    assert raised.value.code == 0
    shown = capsys.readouterr().out
    assert "Does your ASGI app still answer while it works? If not, which line blocks it?" in shown
    assert "exit codes: 0 live" in shown
    examples = [line for line in shown.splitlines() if line.startswith("  asgi-liveness ")]
    assert len(examples) == 4
    for example in examples:
        cli.parsed(shlex.split(example)[1:])


def test_help_has_a_line_for_every_command(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    shown = capsys.readouterr().out
    for name in ("check", "explain", "selftest", "run", "serve", "report", "contract"):
        assert f"\n    {name} " in shown


def test_a_command_that_is_none_is_an_error_of_a_line(capsys: Capture) -> None:
    assert cli.main(["chek"]) == 2
    assert cli.main([]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "invalid choice: 'chek'" in lines[0]
    assert "required: COMMAND; see asgi-liveness --help" in lines[1]


@pytest.mark.parametrize("words", [["idle", "stalled"], ["idle stalled"], ["LIVE-002"]])
def test_words_are_explained(words: list[str], capsys: Capture) -> None:
    assert cli.main(["explain", *words]) == 0
    assert capsys.readouterr().out == explain(" ".join(words))


def test_an_unknown_word_is_an_error_of_a_line(capsys: Capture) -> None:
    assert cli.main(["explain", "stuled"]) == 2
    told = "asgi-liveness: nothing is called 'stuled'; did you mean 'stalled'?\n"
    assert capsys.readouterr().err == told


def test_the_selftest_has_its_own_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "selftest", lambda: 7)
    assert cli.main(["selftest"]) == 7
