"""A check that Python code calls."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

import asgi_liveness
from asgi_liveness.checking import run as running
from asgi_liveness.checking.before import Before
from asgi_liveness.checking.called import given
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.report import Report
from asgi_liveness.errors import UsageError
from tests.kit.checking.made import LIVE, report

if TYPE_CHECKING:
    from tests.conftest import Command


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """The options of each check; it finds a live app."""
    options: list[Options] = []

    def run(given: Options, _: Callable[[str], None] = print) -> Report:
        options.append(given)
        return report(LIVE)

    monkeypatch.setattr(running, "run", run)
    return options


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({"target": "a:app"}, Options("a:app")),
        ({"target": "a:app", "during": "GET /a"}, Options("a:app", during=("GET /a",))),
        ({"target": "a:app", "during": ["/a", "/b"]}, Options("a:app", during=("/a", "/b"))),
        ({"target": ["serve", "{port}"]}, Options(command=("serve", "{port}"))),
        (
            {"target": "a:app", "headers": {"X-Token": "t", "A": "b"}},
            Options("a:app", headers=("X-Token: t", "A: b")),
        ),
        ({"target": "a:app", "headers": ["A: b"]}, Options("a:app", headers=("A: b",))),
        (
            {"target": "a:app", "before": "POST /a", "header_from": "A: {b}"},
            Options("a:app", before=(Before("POST /a"),), header_from=("A: {b}",)),
        ),
        (
            {
                "target": "a:app",
                "before": [
                    {"request": "POST /a", "headers": {"A": "b"}, "body": b"c"},
                    {"request": "/d", "headers": ["A: b"], "body": "@e"},
                    Before("/f"),
                ],
            },
            Options(
                "a:app",
                before=(
                    Before("POST /a", ("A: b",), b"c"),
                    Before("/d", ("A: b",), b"@e"),
                    Before("/f"),
                ),
            ),
        ),
        (
            {"target": "a:app", "duration": 1.0, "max_stall": 0.05, "body": b"x", "probe": "/h"},
            Options("a:app", duration=1.0, max_stall=0.05, body=b"x", probe="/h"),
        ),
    ],
)
def test_arguments_become_options(
    arguments: dict[str, Any], options: Options, checks: list[Options]
) -> None:
    found = asgi_liveness.check(**arguments)
    assert found.ok
    assert isinstance(found, asgi_liveness.Report)
    assert checks == [options]


def test_the_signature_repeats_the_options_and_their_defaults() -> None:
    parameters = inspect.signature(asgi_liveness.check).parameters.values()
    defaults = {field.name: field.default for field in fields(Options)}
    del defaults["target"], defaults["command"]  # the one argument that must be there is both
    assert {row.name: row.default for row in parameters if row.name != "target"} == defaults


def test_arguments_that_nobody_gives_are_left_open() -> None:
    assert given() == {}
    assert given("a:app", probe=None) == {"target": "a:app", "probe": None}


def test_bad_options_are_errors() -> None:
    with pytest.raises(UsageError, match=r"--duration is 100ms; give 500ms"):
        asgi_liveness.check("a:app", duration=0.1)
    with pytest.raises(UsageError, match=r"before: write each as \{request = "):
        asgi_liveness.check("a:app", before={"path": "/login"})
    with pytest.raises(UsageError, match="headers: give a mapping, or texts"):
        asgi_liveness.check("a:app", headers=[("A", "b")])  # type: ignore[list-item]
    with pytest.raises(UsageError, match="there is nothing to check"):
        asgi_liveness.check("")
    with pytest.raises(UsageError, match="--during 'report': a path begins with one slash"):
        asgi_liveness.check("a:app", during="report")


def test_a_call_in_a_running_event_loop_is_refused() -> None:
    async def main() -> None:
        asgi_liveness.check("a:app")

    with pytest.raises(UsageError, match=r"running event loop.*; call it from a plain def"):
        asyncio.run(main())


def test_an_app_that_counts_its_loops_imports_nothing_more(command: Command) -> None:
    done = command(
        "-c",
        "import asgi_liveness, sys\n"
        "assert callable(asgi_liveness.check)\n"
        "assert not {'httpx', 'psutil', 'asyncio', 'asgi_liveness.checking'} & {*sys.modules}\n",
    )
    assert done.returncode == 0, done.stderr


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Verdict'"):
        _ = asgi_liveness.Verdict
