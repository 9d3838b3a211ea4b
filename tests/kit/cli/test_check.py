"""``asgi-liveness check`` and ``selftest``: what people type, and what they get."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asgi_liveness.checking import render, selftest
from asgi_liveness.checking import run as running
from asgi_liveness.checking.before import Before
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.report import Report, WindowReport
from asgi_liveness.cli import main as cli
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
    """The options of each check; it finds a live app."""
    options: list[Options] = []

    def run(given: Options, _: Callable[[str], None], **__: object) -> Report:
        options.append(given)
        return report(LIVE)

    monkeypatch.setattr(running, "run", run)
    return options


def finding(monkeypatch: pytest.MonkeyPatch, *routes: WindowReport) -> Report:
    """Let a check find these windows."""
    found = report(*routes)

    def run(*_: object, keep: Callable[[Report], None], **__: object) -> Report:
        keep(found)
        return found

    monkeypatch.setattr(running, "run", run)
    return found


# What people type.


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
        ("--openapi a:app", Options("a:app", openapi=True)),
        ("--openapi=all a:app", Options("a:app", openapi="all")),
        (
            (
                "a:app -H A:b -d all --before 'POST /login' -H C:d -d login --before /csrf "
                "--header-from 'A: {b}' --during /a -H E:f --before /last -H G:h --probe /p -d last"
            ),
            Options(
                "a:app",
                headers=("A:b", "E:f"),
                body=b"all",
                before=(
                    Before("POST /login", ("C:d",), b"login"),
                    Before("/csrf"),
                    Before("/last", ("G:h",), b"last"),
                ),
                header_from=("A: {b}",),
                during=("/a",),
                probe="/p",
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
def test_options_are_read_from_the_command_line(
    words: str, options: Options, asked: list[Options]
) -> None:
    assert cli.main(["check", *shlex.split(words)]) == 0
    assert asked == [options]


def test_a_body_may_stand_in_a_file(folder: Path, asked: list[Options]) -> None:
    (folder / "body.json").write_bytes(b"\xff{}")
    assert cli.main(["check", "a:app", "-d", "@body.json"]) == 0
    assert asked[0].body == b"\xff{}"


def test_headers_may_stand_in_a_file(folder: Path, asked: list[Options]) -> None:
    (folder / "headers").write_text("Authorization: Bearer s3cret\r\n\nX-Other: @b\n")
    assert cli.main(["check", "a:app", "-H", "A: b", "-H", "@headers"]) == 0
    assert asked[0].headers == ("A: b", "Authorization: Bearer s3cret", "X-Other: @b")


@pytest.mark.parametrize("flag", ["-H", "-d"])
def test_a_pipe_after_at_is_not_waited_for(
    flag: str, folder: Path, asked: list[Options], capsys: Capture
) -> None:
    os.mkfifo(folder / "pipe")
    assert cli.main(["check", "a:app", flag, "@pipe"]) == 2
    assert capsys.readouterr().err == (
        f"asgi-liveness: the file after {flag} @ cannot be read: it is a pipe; name a regular "
        "file\n"
    )
    assert not asked


def test_settings_of_the_project_apply_and_the_command_line_wins(
    folder: Path, asked: list[Options]
) -> None:
    (folder / "pyproject.toml").write_text(
        '[tool.asgi-liveness]\ntarget = "a:app"\nduring = ["/a"]\nmax-stall = "50ms"\n'
    )
    assert cli.main(["check", "--during", "/b"]) == 0
    assert asked == [Options("a:app", during=("/b",), max_stall=0.05)]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("", "there is nothing to check; name an app"),
        ("a:app -- granian", "'a:app' and a command after -- were given"),
        ("a:app --during", "argument --during: expected one argument; see asgi-liveness check"),
        (
            "a:app --during GET /a",
            "one word too many; are quotes missing, as in --during 'GET /rep",
        ),
        ("a:app --durin /a", "there is no option --durin; did you mean '--during'?"),
        ("a:app --prob=/a", "there is no option --prob; did you mean '--probe'?"),
        ("a:app --max-stal 3", "there is no option --max-stal; did you mean '--max-stall'?"),
        ("a:app --xyz", "there is no option --xyz; see asgi-liveness check --help"),
        ("a:app --duration=-4s", "--duration '-4s': write a time as 2.5, 2500ms, 4s, 1m or 1h"),
        ("a:app --duration 0", "--duration is 0s; give 500ms to 1h"),
        ("a:app --max-stall soon", "--max-stall 'soon': write a time as 2.5"),
        ("a:app --duration 2h", "--duration is 2h; give 500ms to 1h"),
        ("a:app --duration 90m", "--duration is 5400s; give 500ms to 1h"),
        ("a:app --max-stall 5s", "a stall of --max-stall 5s cannot be seen within --duration 4s;"),
        ("a:app --openapi=some", "argument --openapi: ignored explicit argument 'some'"),
        ("a:app --before", "argument --before: expected one argument; see asgi-liveness check"),
        ("a:app --before /a -d @missing", "the file after -d @ cannot be read: No such file"),
        ("a:app --header-from 'A: {b}'", "--header-from reads the answer of a --before, and there"),
        ("a:app --concurrency many", "argument --concurrency: invalid int value: 'many'"),
        ("a:app --server gunicorn", "no server is called 'gunicorn'"),
        ("a:app --report xml=a", "write FORMAT=FILE, with json, junit, github, md or html"),
        ("a:app --report json=/dev/null/a", "cannot be written"),
        ("a:app -H @missing", "the file after -H @ cannot be read: No such file or directory"),
        ("a:app -d @/dev/zero", "the file after -d @ cannot be read: it is a device; name a reg"),
        ("a:app -d @missing", "the file after -d @ cannot be read: No such file or directory"),
    ],
)
def test_a_bad_argument_is_an_error_of_one_line(
    words: str, error: str, asked: list[Options], capsys: Capture
) -> None:
    assert cli.main(["check", *shlex.split(words)]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("asgi-liveness: ")
    assert error in printed
    assert printed.count("\n") == 1
    assert not asked


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("a:app --during GETT\\ /x", "GETT is no method; did you mean GET?"),
        ("a:app --during report", "--during 'report': a path begins with one slash"),
        ("a:app --during GET", "the path is missing; write 'GET /report'"),
        ("a:app --probe healthz", "--probe 'healthz': a path begins with one slash"),
        ("a:app -H s3cret", "one of the headers has no name"),
        ("a:app --before /a -H s3cret", "one of the headers has no name"),
        ("a:app --before GETT\\ /x", "--before 'GETT /x': GETT is no method; did you mean GET?"),
        ("a:app --before WS\\ /x", "--before 'WS /x': WS is no method"),
        ("a:app --before /a --header-from s3cret", "one of the headers has no name"),
        (
            "a:app --before /a --header-from A:s3cret",
            "--header-from has no name in braces; write 'Authorization: Bearer {access_token}'",
        ),
    ],
)
def test_a_bad_request_is_refused_before_anything_starts(
    words: str, error: str, capsys: Capture
) -> None:
    assert cli.main(["check", *shlex.split(words)]) == 2
    printed = capsys.readouterr().err
    assert error in printed
    assert printed.count("\n") == 1
    assert "s3cret" not in printed


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
def test_no_error_repeats_the_values_of_headers_and_bodies(words: str, capsys: Capture) -> None:
    assert cli.main(["check", *shlex.split(words)]) == 2
    assert "s3cret" not in capsys.readouterr().err


# What they get.


@pytest.mark.parametrize(("route", "code"), [(LIVE, 0), (STALLED, 1), (INCONCLUSIVE, 3)])
def test_the_screen_is_printed_and_the_exit_code_is_the_verdicts(
    route: WindowReport, code: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    found = finding(monkeypatch, route)
    assert cli.main(["check", "a:app"]) == code
    printed = capsys.readouterr()
    assert printed.out == render.text(found)
    assert not printed.err


def test_a_check_that_could_not_run_is_an_error_of_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def run(*_: object, **__: object) -> Report:
        raise TargetError("a:app: there is no module 'a'")

    monkeypatch.setattr(running, "run", run)
    assert cli.main(["check", "a:app"]) == 2
    assert capsys.readouterr() == ("", "asgi-liveness: a:app: there is no module 'a'\n")


def test_reports_are_written_besides_the_screen(
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
def test_a_report_that_cannot_be_written_after_all_is_an_error(
    route: WindowReport, code: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture, folder: Path
) -> None:
    found = finding(monkeypatch, route)

    def run(*_: object, keep: Callable[[Report], None], **__: object) -> Report:
        (folder / "out").rmdir()
        keep(found)
        return found

    monkeypatch.setattr(running, "run", run)
    assert cli.main(["check", "a:app", "--report", "json=out/a.json"]) == code
    printed = capsys.readouterr()
    assert printed.out == render.text(found)
    assert printed.err == (
        f"asgi-liveness: {folder}/out/a.json could not be written: No such file or directory\n"
    )


@pytest.mark.parametrize("error", [TargetError("it died"), KeyboardInterrupt()])
def test_a_check_that_ends_early_keeps_what_was_judged(
    error: BaseException, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    judged = report(STALLED, INCONCLUSIVE)

    def run(*_: object, keep: Callable[[Report], None], **__: object) -> Report:
        keep(judged)
        raise error

    monkeypatch.setattr(running, "run", run)
    words = ["check", "a:app", "--report", "json=a.json"]
    if isinstance(error, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            cli.main(words)
    else:
        assert cli.main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == render.text(judged)
    assert json.loads((folder / "a.json").read_text())["verdict"] == "stalled"


@pytest.mark.parametrize(
    "words",
    [
        "--report json=a.json --no-such",
        "--report=json=a.json --duration never",
        "x:y z --report json=a.json",
    ],
)
def test_a_command_that_is_refused_leaves_no_report_of_an_earlier_one(
    words: str, folder: Path
) -> None:
    for name in ("a.json", "b.json"):
        (folder / name).write_text(report(LIVE).to_json())
    more = ["--", "x", "--report", "json=b.json"]
    assert cli.main(["check", *words.split(), *more]) == 2
    assert not (folder / "a.json").exists()
    assert (folder / "b.json").exists()


def test_a_check_that_could_not_run_leaves_no_report_of_an_earlier_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.json").write_text(report(LIVE).to_json())

    def run(*_: object, **__: object) -> Report:
        raise TargetError("it died")

    monkeypatch.setattr(running, "run", run)
    assert cli.main(["check", "a:app", "--report", "json=a.json"]) == 2
    assert not (folder / "a.json").exists()


class Terminal(io.StringIO):
    """A stream that is a terminal, or is not."""

    def __init__(self, *, is_one: bool) -> None:
        super().__init__()
        self._is_one = is_one

    def isatty(self) -> bool:
        return self._is_one


def test_a_whole_line_of_progress_stays_wherever_it_goes(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def run(_: Options, show: Callable[[str], None], **__: object) -> Report:
        show("idle")
        show("--openapi calls GET /a\n")
        return report(LIVE)

    monkeypatch.setattr(running, "run", run)
    assert cli.main(["check", "a:app"]) == 0
    assert capsys.readouterr().err == "asgi-liveness: --openapi calls GET /a\n"


@pytest.mark.parametrize("is_one", [True, False])
def test_progress_is_shown_on_a_terminal_only_and_cleared(
    monkeypatch: pytest.MonkeyPatch, *, is_one: bool
) -> None:
    def run(_: Options, show: Callable[[str], None], **__: object) -> Report:
        show("starting")
        show("idle")
        raise TargetError("it died")

    terminal = Terminal(is_one=is_one)
    monkeypatch.setattr(running, "run", run)
    monkeypatch.setattr(sys, "stderr", terminal)
    assert cli.main(["check", "a:app"]) == 2
    shown = "\r\x1b[Kstarting\r\x1b[Kidle\r\x1b[K" if is_one else ""
    assert terminal.getvalue() == f"{shown}asgi-liveness: it died\n"


def test_characters_that_a_terminal_cannot_show_are_escaped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finding(monkeypatch, LIVE)
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    assert cli.main(["check", "a:app"]) == 0
    sys.stdout.flush()
    assert b"myapp.main:app \\xb7 uvicorn" in written.getvalue()


# Colour.


def test_verdicts_have_a_colour_if_it_is_forced(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    found = finding(monkeypatch, STALLED)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert cli.main(["check", "a:app"]) == 1
    shown = capsys.readouterr().out
    assert "  idle           \x1b[32mlive\x1b[0m       40 of 40" in shown
    assert "  GET /report    \x1b[31mSTALLED\x1b[0m     0 of 80" in shown
    assert re.sub(r"\x1b\[\d+m", "", shown) == render.text(found)


def test_a_report_in_a_file_has_no_colour(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finding(monkeypatch, STALLED)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert cli.main(["check", "a:app", "--report", "md=a.md", "--report", "junit=a.xml"]) == 1
    assert "\x1b" not in (folder / "a.md").read_text() + (folder / "a.xml").read_text()


# Selftest.


def test_the_selftest_has_its_own_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "selftest", lambda: 7)
    assert cli.main(["selftest"]) == 7
