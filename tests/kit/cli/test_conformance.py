"""``asgi-liveness run``, ``report`` and ``contract``: what they print, and their errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from asgi_liveness.checking import render as of_check
from asgi_liveness.checking.report import Report, WindowReport
from asgi_liveness.cli import main as cli
from asgi_liveness.cli.conformance import MARKS
from asgi_liveness.conformance import document, runner
from asgi_liveness.conformance import render as of_run
from asgi_liveness.conformance.cases import CASES, Case
from asgi_liveness.conformance.cases.promised import SPEED
from asgi_liveness.conformance.cell import Cell, Result
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.promises import PROMISES, REMEDIES
from asgi_liveness.conformance.report import CellRow, ConformanceReport, TargetRow, WindowRow
from asgi_liveness.errors import TargetError, UsageError
from asgi_liveness.serving import servers
from tests.kit.checking.made import INCONCLUSIVE, LIVE, STALLED, report

if TYPE_CHECKING:
    from tests.conftest import Command

ROOT = Path(__file__).parents[3]
LIFESPAN = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        {}
"""
APP = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    status = {} if scope["path"] in {} else 404
    await send({{"type": "http.response.start", "status": status, "headers": []}})
    await send({{"type": "http.response.body", "body": b""}})
"""
START_UPS = (
    "import asyncio; await asyncio.sleep(3600)",
    "import time; time.sleep(3600)",  # it blocks the event loop
)
UNASKED = {case.id for case in CASES if case.needs & {remedy.name for remedy in REMEDIES}}
BROKEN = {
    "import_raises": ("1 / 0", "ZeroDivisionError: division by zero"),
    "import_exits_0": ("import sys; sys.exit(0)", "exits with 0 when imported"),
    "import_exits_3": ("import sys; sys.exit(3)", "exits with 3 when imported"),
    "dies_with_0": ("import os; os._exit(0)", "while importing broken"),
    "dies_with_3": ("import os; os._exit(3)", "while importing broken"),
    "start_up_fails": (
        LIFESPAN.format(
            "await receive(); "
            "await send({'type': 'lifespan.startup.failed', 'message': 'no database'})"
        ),
        "lifespan start-up failed: no database",
    ),
    "start_up_dies": (LIFESPAN.format("import os; os._exit(3)"), "while in its"),
}
"""Failures that servers might handle in different ways."""
FOUND_BY_US = {
    "no_attribute": ("", "no attribute 'app'"),
    "no_asgi_app": ("app = 42", "not an ASGI app: it is 'int'"),
    "a_wsgi_app": ("def app(environ, start): ...", "not an ASGI app"),
    "import_misses": ("import missing_too", "No module named 'missing_too'"),
    "no_hello": (APP.format(200, "()"), "GET /hello answered 404"),
    "no_hello_sync": (APP.format(200, "('/hello',)"), "GET /hello-sync answered 404"),
}


def refuse(command: Command, folder: Path, target: str, error: str) -> None:
    """Run the target of that folder on all servers; it must be refused in one line."""
    run = ("-m", "asgi_liveness", "run", target, "--report", "json=out.json")
    done = command(*run, cwd=folder)
    assert done.returncode == 2
    assert done.stderr.startswith(f"asgi-liveness: {target}: ")
    assert done.stderr.count("\n") == 1
    assert done.stderr.removeprefix("asgi-liveness: ").strip() not in done.stdout  # printed once
    cells = json.loads((folder / "out.json").read_text())["cells"]
    assert {cell["server"] for cell in cells} == {kind.name for kind in servers.SERVERS}
    # A remedy that the target does not say it has gets no request.
    assert {cell["verdict"] for cell in cells if cell["case"] in UNASKED} == {"not applicable"}
    asked = [cell for cell in cells if cell["case"] not in UNASKED]
    assert all(cell["verdict"] == "error" and error in cell["message"] for cell in asked)


@pytest.mark.servers
@pytest.mark.parametrize("name", BROKEN)
def test_a_target_that_cannot_be_set_up(name: str, command: Command, tmp_path: Path) -> None:
    source, error = BROKEN[name]
    (tmp_path / "broken.py").write_text(source)
    refuse(command, tmp_path, "broken:app", error)


@pytest.mark.servers
def test_each_target_that_cannot_be_set_up_has_a_line(command: Command, tmp_path: Path) -> None:
    for name, (source, _) in FOUND_BY_US.items():
        (tmp_path / f"{name}.py").write_text(source)
    targets = [f"{name}:app" for name in FOUND_BY_US]
    run = ("-m", "asgi_liveness", "run", "nowhere:app", *targets, "--server", "uvicorn/asyncio")
    done = command(*run, cwd=tmp_path)
    assert done.returncode == 2
    errors = ["no module 'nowhere'", *(error for _, error in FOUND_BY_US.values())]
    for target, words, line in zip(
        ["nowhere:app", *targets], errors, done.stderr.splitlines(), strict=True
    ):
        assert line.startswith(f"asgi-liveness: {target}: ")
        assert words in line


@pytest.mark.servers
def test_a_target_whose_start_up_does_not_end(command: Command, tmp_path: Path) -> None:
    def start(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "broken.py").write_text(LIFESPAN.format(START_UPS[number]))
        refuse(command, folder, "broken:app", "within 10 s while in its lifespan start-up")

    with ThreadPoolExecutor() as pool:  # both of them wait for most of their time
        list(pool.map(start, range(len(START_UPS))))


@pytest.mark.servers
def test_a_missing_route_is_named_once_and_the_rest_is_judged(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text(
        "from examples import bare_asgi\n"
        "del bare_asgi.ROUTES['/cooperative']\n"
        "app = bare_asgi.make_app(bare_asgi.ROUTES)\n"
    )
    code = f"import sys; sys.path.append({str(ROOT)!r}); from asgi_liveness.__main__ import main; "
    target = ("run", "broken:app", "--server", "uvicorn/asyncio", "--report", "json=out.json")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    done = command("-c", f"{code} sys.argv[1:] = {target!r}; sys.exit(main())")
    assert done.returncode == 2
    assert done.stderr == (
        "asgi-liveness: broken:app: GET /cooperative answered 404, the route is missing; "
        "add it as `asgi-liveness explain routes` says\n"
    )
    assert "the route is missing" not in done.stdout
    assert "\n  with await asyncio.sleep(0) in each iteration  -\n" in done.stdout
    cells = json.loads((tmp_path / "out.json").read_text())["cells"]
    errors = {cell["case"] for cell in cells if cell["verdict"] == "error"}
    assert errors == {"LIVE-006", "LIVE-009"}
    others = errors | UNASKED
    assert {cell["verdict"] for cell in cells if cell["case"] not in others} == {"passed"}


@pytest.mark.servers
def test_a_remedy_that_a_target_has_is_judged_by_a_promise(
    command: Command, tmp_path: Path
) -> None:
    done = command(
        *("-m", "asgi_liveness", "run", "examples.bare_asgi:app", "--server", "uvicorn/asyncio"),
        *("--has", "cooperative", "-k", "speed", "--report", f"json={tmp_path}/out.json"),
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert f"-r{'-' * (len(SPEED) - 2)}  1 of {len(SPEED)}\n" in done.stdout
    assert "kept by examples.bare_asgi:app speed\n" in done.stdout
    cells = json.loads((tmp_path / "out.json").read_text())["cells"]
    (recorded,) = [cell for cell in cells if cell["verdict"] == "recorded"]
    assert (recorded["case"], recorded["remedy"]) == ("SPEED-002", "cooperative")
    assert recorded["measured"]["ratio"] > 0


@pytest.mark.parametrize(
    ("arguments", "families"),
    [
        ((), {"LIVE", "CONT", "POOL", "LEAVES", "GIL", "SPEED", "ERRORS"}),
        (("--all",), {"LIVE", "CONT", *(promise.family for promise in PROMISES)}),
        (("-k", "exits"), {"EXITS"}),
        (("-k", "live"), {"LIVE"}),  # and not OUTLIVES
    ],
)
def test_cases_that_end_servers_run_only_on_request(
    arguments: tuple[str, ...], families: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[Case] = []

    def made(_: object, __: object, cases: list[Case], *___: object, **____: object) -> None:
        chosen.extend(cases)
        raise UsageError("nothing is run here")

    monkeypatch.setattr(runner, "Runner", made)
    assert cli.main(["run", "x:app", *arguments]) == 2
    assert {case.id.partition("-")[0] for case in chosen} == families


@pytest.mark.servers
def test_a_ledger_that_cannot_be_written_is_an_error_of_one_line(command: Command) -> None:
    done = command(
        *("-m", "asgi_liveness", "run", "x:app", "--server", "hypercorn"),
        prefix=("sh", "-c", 'ulimit -f 16; exec "$@"', "sh"),
    )
    assert done.returncode == 2
    assert done.stderr.startswith("asgi-liveness: the ledger ")
    assert "set TMPDIR" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--server", "gunicorn"), "no server is called 'gunicorn'; choose from: uvicorn/asyncio"),
        (("--lacks", "threads"), "nothing is called 'threads'; choose from: sync"),
        (
            ("--has", "process,threads"),
            "nothing is called 'threads'; choose from: background, coop",
        ),
        (("-k", "LIVE-999"), "no case has 'LIVE-999' in its name"),
        (("--known", "nowhere.toml"), "nowhere.toml cannot be read"),
        (("--known", "/dev/null"), "/dev/null cannot be read: it is a device"),
        (("--report", "xml=out.xml"), "write FORMAT=FILE"),
        (("--report", "json=/dev/null/out.json"), "cannot be written"),
    ],
)
def test_a_bad_option_is_an_error_of_one_line(
    arguments: tuple[str, ...], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["run", "x:app", *arguments]) == 2
    printed = capsys.readouterr().err
    assert error in printed
    assert printed.count("\n") == 1


def test_a_server_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(servers, "version", lambda _: None)
    assert cli.main(["run", "x:app", "--server", "hypercorn"]) == 2
    error = "hypercorn is not installed: pip install hypercorn"
    assert capsys.readouterr().err == f"asgi-liveness: {error}\n"
    assert cli.main(["run", "x:app"]) == 2
    assert "no supported server is installed" in capsys.readouterr().err


# A run that ends early.


@pytest.mark.parametrize("error", [KeyboardInterrupt(), TargetError("the server cannot start")])
def test_a_run_that_ends_early_keeps_what_was_judged(
    error: BaseException,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def judge(self: runner.Runner, cell: Cell) -> Result:
        if self.results:
            raise error
        self._judged[cell] = Result(cell, Outcome.FAILED, "it did not answer\x1b[2J")
        return self._judged[cell]

    monkeypatch.setattr(runner.Runner, "start", lambda *_: None)
    monkeypatch.setattr(runner.Runner, "judge", judge)
    words = ["run", "x:app", "--report", f"json={tmp_path}/out.json"]
    if isinstance(error, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            cli.main(words)
    else:
        assert cli.main(words) == 2
    (cell,) = ConformanceReport.load(tmp_path / "out.json").cells
    assert (cell.verdict, cell.message) == ("failed", "it did not answer")
    assert "1 failed" in capsys.readouterr().out


# What a run shows.


@pytest.mark.servers
def test_the_letters_are_explained_once_and_before_the_first(command: Command) -> None:
    done = command("-m", "asgi_liveness", "run", "a:app", "b:app", "--server", "hypercorn")
    first, second, *_ = done.stdout.splitlines()
    assert second.startswith("a:app: starting ...")
    assert first == "   ".join(f"{mark} {meaning}" for mark, meaning in MARKS.values())
    assert done.stdout.count("as it should be") == 1


def test_every_outcome_has_a_letter_of_its_own() -> None:
    assert MARKS.keys() == {*Outcome}
    assert len({mark for mark, _ in MARKS.values()}) == len(Outcome)


# Reports.


RUN = ConformanceReport(
    schema=2,
    contract=1,
    python="3.12.1",
    platform={"system": "Linux", "machine": "x86_64", "cores": 2},
    versions={},
    targets=(TargetRow("a:app", "FastAPI", "0.115.0"),),
    servers=("hypercorn",),
    cells=(CellRow("LIVE-001", "x", "a:app", "hypercorn", "failed", "so it is", "", "", "", {}),),
    windows=(
        WindowRow("/blocking", "a:app", "hypercorn", "frozen", "frozen", 0, 20, 0.4, 9, 0),
        WindowRow("/normal", "a:app", "hypercorn", "answering", "answering", 20, 20, 0.1, 9, 9),
    ),
    seconds={"starts": 1.0},
)


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[[Report | ConformanceReport], Path]:
    """Write a report into a file."""

    def write(report: Report | ConformanceReport) -> Path:
        path = tmp_path / "report.json"
        path.write_text(report.to_json())
        return path

    return write


Recorded = Callable[[Report | ConformanceReport], Path]


@pytest.mark.parametrize("route", [LIVE, STALLED, INCONCLUSIVE])
def test_the_report_of_a_check_is_shown_as_the_check_did(
    route: WindowReport, recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    made = report(route)
    assert cli.main(["report", str(recorded(made))]) == made.exit_code
    assert capsys.readouterr().out == of_check.text(made)
    assert cli.main(["report", str(recorded(made)), "--format", "md"]) == made.exit_code
    assert capsys.readouterr().out == of_check.markdown(made)


def test_the_report_of_a_run_is_short_and_has_every_row_if_verbose(
    recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(recorded(RUN))
    assert cli.main(["report", path]) == 1
    short = capsys.readouterr().out
    assert short == of_run.text(RUN)
    assert "so it is" in short
    assert "/normal" not in short
    assert cli.main(["report", path, "--verbose"]) == 1
    assert "/normal" in capsys.readouterr().out
    assert cli.main(["report", path, "--format", "md"]) == 1
    assert capsys.readouterr().out == of_run.markdown(RUN)


def test_outcomes_have_a_colour_if_it_is_forced(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert cli.main(["report", str(recorded(RUN))]) == 1
    shown = capsys.readouterr().out
    assert "\x1b[31mFAILED\x1b[0m (FastAPI on hypercorn)" in shown
    assert "\x1b[31mno, never (stopped after 0.4 s)\x1b[0m" in shown
    assert re.sub(r"\x1b\[\d+m", "", shown) == of_run.text(RUN)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("# A report", "is not JSON: "),
        ("[]", "is not a report of a check, a watch or a run; make one with --report json=FILE"),
        ("{}", "is not a report of a check, a watch or a run; make one with --report json=FILE"),
        ('{"schema": 9, "cells": []}', "is not a report of schema 3; make one with"),
        ('{"schema": 9, "routes": []}', "is not a report of schema 3; make one with"),
    ],
)
def test_any_other_file_is_refused_in_one_line(
    content: str, error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    path.write_text(content)
    assert cli.main(["report", str(path)]) == 2
    printed = capsys.readouterr()
    assert not printed.out
    assert printed.err.startswith(f"asgi-liveness: {path} {error}")
    assert printed.err.count("\n") == 1


def test_the_contract_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["contract"]) == 0
    assert capsys.readouterr().out == document.markdown()
