"""The stranger's door: ``pytest --pyargs asgi_liveness.suite --liveness-target ...``."""

from __future__ import annotations

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
"""What is asked of a target that says nothing of itself."""
UNASKED = len([case for case in CASES if not case.ends_servers]) - len(FIRST)
UNASKED_01 = sum(case.id.startswith("LIVE-01") for case in CASES if case not in FIRST)
"""Of LIVE-010 to LIVE-019."""
ROOT = Path(__file__).parents[2]
SUITE = ("-m", "pytest", "-p", "no:cacheprovider", "-ra", "--pyargs", "asgi_liveness.suite")
SERVER = ("--liveness-server", "uvicorn/asyncio")

Suite = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def suite(command: Command, tmp_path: Path) -> Suite:
    """Run the suite in a folder with the examples and the tests' apps, and no settings of ours."""
    for folder in ("examples", "tests"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    return lambda *arguments: command(*SUITE, *arguments)


def target(name: str) -> tuple[str, ...]:
    return ("--liveness-target", name, *SERVER)


@pytest.mark.servers
def test_an_implementation_with_no_framework_passes(suite: Suite) -> None:
    done = suite(*target("examples.bare_asgi:app"))
    assert done.returncode == 0, done.stdout
    assert f"{len(FIRST)} passed, {UNASKED} skipped" in done.stdout
    assert "FROZEN    0/20" in done.stdout


@pytest.mark.servers
def test_a_failure_tells_a_newcomer_what_to_do(suite: Suite) -> None:
    done = suite(*target("tests.apps.miniatures:apps.cooperative_without_await"), "-k", "LIVE-006")
    assert done.returncode == 1
    assert (
        "LIVE-006 cooperative-answers: /cooperative must leave the app answering; it froze it.\n"
        "  0 of 10 probes of /hello and 0 of 10 probes of /hello-sync were answered while"
    ) in done.stdout
    assert (
        "  Is `await asyncio.sleep(0)` in every turn of the loop at examples/bare_asgi.py:"
    ) in done.stdout
    assert "More: asgi-liveness explain LIVE-006" in done.stdout
    assert "1 failed" in done.stdout


@pytest.mark.servers
def test_what_a_target_lacks_is_skipped_with_its_reason(suite: Suite) -> None:
    lacking = sum("sync" in case.needs for case in FIRST)
    done = suite(*target("examples.bare_asgi:app"), "--liveness-lacks", "sync")
    assert done.returncode == 0, done.stdout
    assert f"{len(FIRST) - lacking} passed, {lacking + UNASKED} skipped" in done.stdout
    assert "not applicable: the target lacks synchronous handlers" in done.stdout
    assert "answers  10/10" in done.stdout  # /hello-sync is not probed


@pytest.mark.servers
def test_what_a_target_has_is_held_against_a_promise(suite: Suite) -> None:
    done = suite(*target("examples.bare_asgi:app"), "--liveness-has", "cooperative", "-k", "SPEED")
    assert done.returncode == 0, done.stdout
    assert f"1 passed, {len(SPEED) - 1} skipped, " in done.stdout
    assert "not applicable: the target does not say that it has 'process'" in done.stdout


@pytest.mark.servers
def test_cases_that_end_servers_are_collected_too_if_asked_for(suite: Suite) -> None:
    # Without the option they are not: the counts of the other tests leave them out.
    done = suite(*target("examples.bare_asgi:app"), "--liveness-all", "--collect-only", "-q")
    assert done.returncode == 0, done.stdout
    for case in CASES:
        assert f"-{case.name}]" in done.stdout


@pytest.mark.servers
def test_what_could_not_be_judged_is_an_error(suite: Suite) -> None:
    conts = sum(case.id.startswith("CONT") for case in CASES)
    done = suite(*target("nowhere:app"), "-k", "LIVE-002 or CONT-")
    assert done.returncode == 1
    assert f", {1 + conts} errors in" in done.stdout
    assert "error: nowhere:app: there is no module 'nowhere'" in done.stdout


@pytest.mark.servers
def test_an_inconclusive_case_is_an_error(suite: Suite) -> None:
    done = suite(*target("tests.apps.miniatures:apps.ill_at_rest"), "-k", "LIVE-001 or LIVE-002")
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert "1 error" in done.stdout
    assert (
        "inconclusive: its control does not hold, see LIVE-001: at rest 10 of 20 probes"
        in done.stdout
    )


@pytest.mark.servers
@pytest.mark.parametrize(
    ("app", "code", "told"),
    [
        ("trap_before_the_answer", 0, f"1 passed, {UNASKED_01} skipped, "),
        ("cooperative_that_dies", 1, "a difference is listed that does not hold"),
    ],
)
def test_a_list_of_known_differences_is_strict(
    app: str, code: int, told: str, suite: Suite, tmp_path: Path
) -> None:
    name = f"tests.apps.miniatures:apps.{app}"
    (tmp_path / "known.toml").write_text(
        f'[[difference]]\ncase = "LIVE-011"\ntarget = "{name}"\n'
        'reason = "the task goes first"\nlink = "https://example.org/1"\n'
    )
    done = suite(*target(name), "--liveness-known", "known.toml", "-k", "LIVE-01")
    assert done.returncode == code, done.stdout
    assert ("1 xfailed" in done.stdout) is (code == 0)
    assert told in done.stdout
    assert "the task goes first" in done.stdout


@pytest.mark.servers
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "there is no app to judge: add --liveness-target module:app"),
        (
            ("--liveness-target", "x:app", "--liveness-server", "gunicorn"),
            "no server is called 'gunicorn'",
        ),
    ],
)
def test_a_bad_option_is_a_usage_error(arguments: tuple[str, ...], told: str, suite: Suite) -> None:
    done = suite(*arguments)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {told}" in done.stderr


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"liveness_lacks": ["a"]}, "nothing is called 'a'; choose from: sync"),
        ({"liveness_has": ["a"]}, "nothing is called 'a'; choose from: background"),
        ({"liveness_known": Path("a")}, "a cannot be read"),
    ],
)
def test_every_option_is_checked(
    option: dict[str, object], told: str, pytestconfig: pytest.Config
) -> None:
    given = {**vars(pytestconfig.option), "liveness_target": ["x:app"], **option}
    config: Any = SimpleNamespace(option=SimpleNamespace(**given), stash=pytest.Stash())
    with pytest.raises(pytest.UsageError, match=told):
        pytest_plugin.pytest_configure(config)


@pytest.mark.servers
def test_without_a_target_it_stays_out_of_the_way(command: Command, tmp_path: Path) -> None:
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


def finding(monkeypatch: pytest.MonkeyPatch, *routes: WindowReport) -> tuple[Report, list[Options]]:
    """Let a check find these windows, and note what it is asked for."""
    found, asked = report(*routes), list[Options]()

    def run(options: Options) -> Report:
        asked.append(options)
        return found

    monkeypatch.setattr(running, "run", run)
    return found, asked


def test_a_live_app_passes_and_its_report_is_returned(
    liveness: Liveness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found, asked = finding(monkeypatch, LIVE)
    assert liveness.check("a:app", during="GET /report", headers={"A": "b"}) is found
    assert asked == [Options("a:app", during=("GET /report",), headers=("A: b",))]


@pytest.mark.parametrize("route", [STALLED, STARVED, INCONCLUSIVE])
def test_any_other_app_fails_with_the_text_of_the_command(
    route: WindowReport, liveness: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = finding(monkeypatch, route)
    with pytest.raises(pytest.fail.Exception) as raised:
        liveness.check("a:app")
    assert str(raised.value) == render.text(found)
    assert f" {str(route.verdict).upper()} " in str(raised.value)
    assert not raised.value.pytrace


def test_an_app_that_cannot_be_run_fails_with_a_line(
    liveness: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_: Options) -> Report:
        raise TargetError("a:app: there is no module 'a'")

    monkeypatch.setattr(running, "run", run)
    for target, told in (("a:app", "a:app: there is no module 'a'"), ("", "nothing to check")):
        with pytest.raises(pytest.fail.Exception, match=told) as raised:
            liveness.check(target)
        assert not raised.value.pytrace


def test_the_projects_settings_are_taken_and_the_arguments_win(
    liveness: Liveness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.asgi-liveness]\ntarget = "a:app"\nduring = ["/a"]\nmax-stall = "50ms"\n'
    )
    monkeypatch.chdir(tmp_path)
    _, asked = finding(monkeypatch, LIVE)
    liveness.check(during="/b")
    assert asked == [Options("a:app", during=("/b",), max_stall=0.05)]


@pytest.mark.servers
def test_a_strangers_test_names_the_line_that_blocks(command: Command, tmp_path: Path) -> None:
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
    assert "  GET /report    STALLED     0 of 20 probes answered" in done.stdout
    assert "  blocking.py:" in done.stdout
    assert "1 of 1 request stalled the event loop." in done.stdout
    assert "call it from a plain def" in done.stdout
    assert "2 failed" in done.stdout
