"""The fixture ``liveness``, and the conformance cases as pytest items.

``liveness.check("myapp.main:app", during="GET /report")`` checks any app. The cases are run by
``pytest --pyargs asgi_liveness.suite``: a failed case fails, a known difference is an expected
failure, a case that does not apply is a skip with its reason, and what could not be judged is an
error.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asgi_liveness.checking.report import Report
    from asgi_liveness.conformance.runner import Cell, Result, Runner

_RUNNER: pytest.StashKey[Runner | None] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, all of them ``--liveness-...``."""
    group = parser.getgroup("liveness", "event-loop liveness of ASGI apps")
    group.addoption(
        "--liveness-target",
        action="append",
        default=[],
        metavar="MODULE:APP",
        help="the app to judge; may be given again",
    )
    group.addoption(
        "--liveness-server",
        action="append",
        default=[],
        metavar="NAME",
        help="a server to judge it on; by default every supported one that is installed",
    )
    group.addoption(
        "--liveness-lacks",
        action="append",
        default=[],
        metavar="FEATURE",
        help="a feature that the target does not have: sync",
    )
    group.addoption(
        "--liveness-has",
        action="append",
        default=[],
        metavar="NAME,...",
        help="remedies that the target has, to be held against every promise",
    )
    group.addoption(
        "--liveness-all",
        action="store_true",
        help="also the cases that end servers, which takes minutes",
    )
    group.addoption(
        "--liveness-known",
        type=Path,
        metavar="FILE",
        help="a list of known differences",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Turn the options into a runner; a bad option is a usage error."""
    config.stash[_RUNNER] = None
    if not config.option.liveness_target:
        return
    # Imported late: pytest loads this plugin in every run of an environment that has it.
    from asgi_liveness.cli.arguments import split_names
    from asgi_liveness.conformance import known
    from asgi_liveness.conformance.cases import choose_cases
    from asgi_liveness.conformance.promises import lacking
    from asgi_liveness.conformance.runner import Runner
    from asgi_liveness.errors import LivenessError
    from asgi_liveness.serving.servers import choose_servers

    option = config.option
    try:
        config.stash[_RUNNER] = Runner(
            option.liveness_target,
            choose_servers(option.liveness_server),
            choose_cases(None, ends_servers=option.liveness_all),
            known.load(option.liveness_known, option.liveness_target)
            if option.liveness_known
            else [],
            lacking(split_names(option.liveness_lacks), split_names(option.liveness_has)),
        )
    except LivenessError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one item of each cell."""
    if "liveness_cell" not in metafunc.fixturenames:
        return
    runner = metafunc.config.stash[_RUNNER]
    cells = runner.cells if runner else []
    metafunc.parametrize("liveness_cell", cells, ids=_cell_id, scope="session")


def _cell_id(cell: Cell) -> str:
    return f"{cell.target}-{cell.server.name}-{cell.case.name}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse to judge nothing."""
    wanting = any("liveness_cell" in getattr(item, "fixturenames", ()) for item in items)
    if wanting and config.stash[_RUNNER] is None:
        raise pytest.UsageError("there is no app to judge: add --liveness-target module:app")


@pytest.fixture(scope="session")
def liveness_runner(pytestconfig: pytest.Config) -> Iterator[Runner]:
    """The runner of this session; its servers are ended with the session."""
    runner = pytestconfig.stash[_RUNNER]
    assert runner is not None
    with runner:
        yield runner


@pytest.fixture
def liveness_result(liveness_runner: Runner, liveness_cell: Cell) -> Result:
    """The verdict on a cell. What could not be judged is an error, and never a skip."""
    from asgi_liveness.conformance.outcome import Outcome
    from asgi_liveness.errors import LivenessError

    try:
        result = liveness_runner.judge(liveness_cell)
    except LivenessError as error:
        pytest.fail(str(error), pytrace=False)
    if result.verdict in (Outcome.ERROR, Outcome.INCONCLUSIVE):
        pytest.fail(f"{result.verdict}: {result.message}", pytrace=False)
    if result.verdict is Outcome.NOT_APPLICABLE:
        pytest.skip(f"not applicable: {result.message}")
    return result


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show the table of what was seen."""
    runner = config.stash[_RUNNER]
    if runner is None or not runner.results:
        return
    from asgi_liveness.conformance import render
    from asgi_liveness.conformance.report import ConformanceReport

    terminalreporter.section("event-loop liveness")
    terminalreporter.write_line(render.text(ConformanceReport.of(runner)))


class Liveness:
    """What the fixture ``liveness`` is."""

    def check(self, target: str | Sequence[str] = "", **options: Any) -> Report:
        """Check an app as ``asgi_liveness.check`` does; the test fails unless it is live.

        What is left open is taken from ``[tool.asgi-liveness]`` of the ``pyproject.toml``, as the
        command takes it.
        """
        from asgi_liveness.checking import render, settings
        from asgi_liveness.checking.called import given
        from asgi_liveness.checking.run import run
        from asgi_liveness.errors import LivenessError

        try:
            report = run(settings.options(given(target, **options), Path.cwd()))
        except LivenessError as error:
            pytest.fail(str(error), pytrace=False)
        if not report.ok:
            pytest.fail(render.text(report), pytrace=False)
        return report


@pytest.fixture(scope="session")
def liveness() -> Liveness:
    """Checks whether an app still answers while it works: ``liveness.check(...)``."""
    return Liveness()
