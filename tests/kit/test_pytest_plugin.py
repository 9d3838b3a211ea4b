"""The pytest plugin: ``pytest --pyargs asgi_liveness.suite --liveness-target ...``."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from asgi_liveness import pytest_plugin
from asgi_liveness.checking import render
from asgi_liveness.checking import run as running
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.report import Report, WindowReport
from asgi_liveness.conformance.cases import CASES
from asgi_liveness.conformance.cases.promised import SPEED
from asgi_liveness.conformance.contract import SYNC
from asgi_liveness.errors import TargetError
from asgi_liveness.pytest_plugin import Liveness
from tests.kit.checking.made import (
    INCONCLUSIVE,
    LIVE,
    STALLED,
    STARVED,
    report,
)

if TYPE_CHECKING:
    from tests.conftest import Command

FIRST = [case for case in CASES if not case.needs - SYNC]
"""The cases that run on a target without declared remedies."""
NOT_RUN = len([case for case in CASES if not case.ends_servers]) - len(FIRST)
NOT_RUN_01 = sum(case.id.startswith("LIVE-01") for case in CASES if case not in FIRST)
"""The skipped cases of LIVE-010 to LIVE-019."""
ROOT = Path(__file__).parents[2]
SUITE = ("-m", "pytest", "-p", "no:cacheprovider", "-ra", "--pyargs", "asgi_liveness.suite")
SERVER = ("--liveness-server", "uvicorn/asyncio")

Suite = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def suite(command: Command, tmp_path: Path) -> Suite:
    """Return a command that runs the suite in a folder with the apps and without our settings."""
    (tmp_path / "tests").mkdir()  # without our conftest, which would judge the suite's own tests
    for folder in ("examples", "tests/apps"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    return lambda *arguments: command(*SUITE, *arguments)


def target(name: str) -> tuple[str, ...]:
    return ("--liveness-target", name, *SERVER)


@pytest.mark.servers
def test_an_implementation_without_a_framework_passes(suite: Suite) -> None:
    done = suite(*target("examples.bare_asgi:app"))
    assert done.returncode == 0, done.stdout
    assert f"{len(FIRST)} passed, {NOT_RUN} skipped" in done.stdout
    assert "  no, never (stopped after " in done.stdout
    assert "FROZEN" not in done.stdout  # the rows need --verbose


@pytest.mark.servers
def test_a_failure_has_its_facts_and_its_advice(suite: Suite) -> None:
    done = suite(*target("tests.apps.miniatures:apps.cooperative_without_await"), "-k", "LIVE-006")
    assert done.returncode == 1
    assert (
        "LIVE-006 cooperative-answers: /cooperative must leave the app answering, but the app "
        "froze.\n  0 of 10 probes of /hello and 0 of 10 probes of /hello-sync were answered while"
    ) in done.stdout
    assert "  Does the loop at examples/bare_asgi.py:" in done.stdout
    assert " `await asyncio.sleep(0)` in every iteration?" in done.stdout
    assert "More: asgi-liveness explain LIVE-006" in done.stdout
    assert "1 failed" in done.stdout


@pytest.mark.servers
def test_a_lacking_feature_is_skipped_with_its_reason(suite: Suite) -> None:
    lacking = sum("sync" in case.needs for case in FIRST)
    done = suite(*target("examples.bare_asgi:app"), "--liveness-lacks", "sync", "--verbose")
    assert done.returncode == 0, done.stdout
    assert f"{len(FIRST) - lacking} passed, {lacking + NOT_RUN} skipped" in done.stdout
    assert "not applicable: the target lacks synchronous handlers" in done.stdout
    assert "answers  10/10" in done.stdout  # /hello-sync is not probed


@pytest.mark.servers
def test_a_declared_remedy_is_tested_against_a_promise(suite: Suite) -> None:
    done = suite(*target("examples.bare_asgi:app"), "--liveness-has", "cooperative", "-k", "SPEED")
    assert done.returncode == 0, done.stdout
    assert f"1 passed, {len(SPEED) - 1} skipped, " in done.stdout
    assert "not applicable: the target does not declare the remedy 'process'" in done.stdout


@pytest.mark.servers
def test_an_option_adds_the_cases_that_end_servers(suite: Suite) -> None:
    # The counts of the other tests show that they are missing without the option.
    done = suite(*target("examples.bare_asgi:app"), "--liveness-all", "--collect-only", "-q")
    assert done.returncode == 0, done.stdout
    for case in CASES:
        assert f"-{case.name}]" in done.stdout


@pytest.mark.servers
def test_a_case_that_cannot_be_judged_is_an_error(suite: Suite) -> None:
    conts = sum(case.id.startswith("CONT") and not case.remedy for case in CASES)
    done = suite(*target("nowhere:app"), "-k", "LIVE-002 or CONT-")
    assert done.returncode == 1
    assert f", {1 + conts} errors in" in done.stdout
    assert "error: nowhere:app: there is no module 'nowhere'" in done.stdout


@pytest.mark.servers
def test_an_inconclusive_case_is_an_error(suite: Suite) -> None:
    done = suite(*target("tests.apps.miniatures:apps.unhealthy"), "-k", "LIVE-001 or LIVE-002")
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert "1 error" in done.stdout
    assert "inconclusive: the idle app answered only 10 of 20 probes; see" in done.stdout


@pytest.mark.servers
@pytest.mark.parametrize(
    ("app", "code", "message"),
    [
        ("trap_before_the_answer", 0, f"1 passed, {NOT_RUN_01} skipped, "),
        ("cooperative_that_dies", 1, "although a known difference lists it"),
    ],
)
def test_a_list_of_known_differences_is_strict(
    app: str, code: int, message: str, suite: Suite, tmp_path: Path
) -> None:
    name = f"tests.apps.miniatures:apps.{app}"
    (tmp_path / "known.toml").write_text(
        f'[[difference]]\ncase = "LIVE-011"\ntarget = "{name}"\n'
        'reason = "the task goes first"\nlink = "https://example.org/1"\n'
    )
    done = suite(*target(name), "--liveness-known", "known.toml", "-k", "LIVE-01")
    assert done.returncode == code, done.stdout
    assert ("1 xfailed" in done.stdout) is (code == 0)
    assert message in done.stdout
    assert "the task goes first" in done.stdout


@pytest.mark.servers
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no app to judge; add --liveness-target module:app"),
        (
            ("--liveness-target", "x:app", "--liveness-server", "gunicorn"),
            "no server is called 'gunicorn'",
        ),
    ],
)
def test_a_bad_option_is_a_usage_error(
    arguments: tuple[str, ...], message: str, suite: Suite
) -> None:
    done = suite(*arguments)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {message}" in done.stderr


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"liveness_lacks": ["a"]}, "nothing is called 'a'; choose from: sync"),
        ({"liveness_has": ["a"]}, "nothing is called 'a'; choose from: background"),
        ({"liveness_known": Path("a")}, "a cannot be read"),
    ],
)
def test_every_option_is_checked(
    option: dict[str, object], message: str, pytestconfig: pytest.Config
) -> None:
    given = {**vars(pytestconfig.option), "liveness_target": ["x:app"], **option}
    config: Any = SimpleNamespace(
        option=SimpleNamespace(**given),
        stash=pytest.Stash(),
        getini=lambda _: "",
        addinivalue_line=lambda *_: None,
    )
    with pytest.raises(pytest.UsageError, match=message):
        pytest_plugin.pytest_configure(config)


@pytest.mark.servers
def test_the_plugin_is_silent_without_a_target(command: Command, tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(
        "import sys\n"
        "def test_own():\n"
        "    assert 'httpx' not in sys.modules\n"
        "    assert 'asgi_liveness.conformance.runner' not in sys.modules\n"
        "    assert 'asgi_liveness.checking' not in sys.modules\n"
    )
    done = command("-m", "pytest", "-p", "no:cacheprovider", "test_own.py")
    assert done.returncode == 0, done.stdout
    assert "liveness" not in done.stdout.replace("asgi-liveness", "")


# The fixture ``liveness``.


def fake_run(
    monkeypatch: pytest.MonkeyPatch, *routes: WindowReport
) -> tuple[Report, list[Options]]:
    """Make each check return a report of *routes*; return it, and the options of the checks."""
    returned, options_of_runs = report(*routes), list[Options]()

    def run(options: Options) -> Report:
        options_of_runs.append(options)
        return returned

    monkeypatch.setattr(running, "run", run)
    return returned, options_of_runs


def test_a_live_app_passes_and_its_report_is_returned(
    liveness: Liveness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    returned, runs = fake_run(monkeypatch, LIVE)
    assert liveness.check("a:app", during="GET /report", headers={"A": "b"}) is returned
    assert runs == [Options("a:app", during=("GET /report",), headers=("A: b",))]


@pytest.mark.parametrize("route", [STALLED, STARVED, INCONCLUSIVE])
def test_any_other_app_fails_with_the_commands_report(
    route: WindowReport, liveness: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    returned, _ = fake_run(monkeypatch, route)
    with pytest.raises(pytest.fail.Exception) as raised:
        liveness.check("a:app")
    assert str(raised.value) == render.text(returned)
    assert f" {str(route.verdict).upper()} " in str(raised.value)
    assert not raised.value.pytrace


def test_an_app_that_cannot_run_fails_with_one_line(
    liveness: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_: Options) -> Report:
        raise TargetError("a:app: there is no module 'a'")

    monkeypatch.setattr(running, "run", run)
    for target, message in (("a:app", "a:app: there is no module 'a'"), ("", "nothing to check")):
        with pytest.raises(pytest.fail.Exception, match=message) as raised:
            liveness.check(target)
        assert not raised.value.pytrace


def test_a_bug_of_the_kit_fails_with_one_line(
    liveness: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_: Options) -> Report:
        raise ValueError("with a s3cret\x1b[2J")

    monkeypatch.setattr(running, "run", run)
    with pytest.raises(pytest.fail.Exception) as raised:
        liveness.check("a:app")
    assert str(raised.value).startswith("a bug of asgi-liveness: ValueError at pytest_plugin.py:")
    assert not raised.value.pytrace
    assert str(raised.value).isprintable()


def test_a_folder_that_was_removed_fails_with_one_line(
    liveness: Liveness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(pytest.fail.Exception, match="the current folder cannot be used"):
        liveness.check("a:app")


def test_arguments_override_the_projects_settings(
    liveness: Liveness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.asgi-liveness]\ntarget = "a:app"\nduring = ["/a"]\nmax-stall = "50ms"\n'
    )
    monkeypatch.chdir(tmp_path)
    _, runs = fake_run(monkeypatch, LIVE)
    liveness.check(during="/b")
    assert runs == [Options("a:app", during=("/b",), max_stall=0.05)]


@pytest.mark.servers
def test_a_check_in_a_project_names_the_culprit(command: Command, tmp_path: Path) -> None:
    (tmp_path / "blocking.py").write_text(
        "async def app(scope, receive, send):\n"
        "    while scope.get('path') == '/report':\n"
        "        pass\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b''})\n"
    )
    (tmp_path / "test_own.py").write_text(
        "def test_report(liveness):\n"
        "    liveness.check('blocking:app', during='GET /report', duration=1.0)\n"
        "async def call(liveness):\n"
        "    liveness.check('blocking:app')\n"
        "def test_in_a_loop(liveness):\n"
        "    import asyncio\n"
        "    asyncio.run(call(liveness))\n"
    )
    done = command("-m", "pytest", "-p", "no:cacheprovider", "test_own.py")
    assert done.returncode == 1, done.stdout
    assert re.search(r"  GET /report    STALLED     0 of \d+ probes answered", done.stdout)
    assert "  blocking.py:" in done.stdout
    assert "1 of 1 request stalled the event loop." in done.stdout
    assert "call it from a plain def" in done.stdout
    assert "2 failed" in done.stdout
