"""The fixture ``liveness``, and the conformance cases as pytest items.

``liveness.check("myapp.main:app", during="GET /report")`` checks any app.

``pytest --pyargs asgi_liveness.suite`` runs the cases. A failed case fails, a known difference is
an expected failure, and a case that does not apply is skipped with its reason. A case that could
not be judged is an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from asgi_liveness.foreign import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asgi_liveness.checking.report import Report
    from asgi_liveness.conformance.cell import Cell, Result
    from asgi_liveness.conformance.runner import Runner

_RUNNER: pytest.StashKey[Runner | None] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options ``--liveness-...``."""
    group = parser.getgroup("liveness", "event-loop liveness of ASGI apps")
    group.addoption(
        "--liveness-target",
        action="append",
        default=[],
        metavar="MODULE:APP",
        help="an app to judge; repeat it for several",
    )
    group.addoption(
        "--liveness-server",
        action="append",
        default=[],
        metavar="NAME",
        help="a server to judge it on; repeat it for several; default: all that are installed",
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
        help="remedies that the target has; each is tested against every promise",
    )
    group.addoption(
        "--liveness-worker",
        default="",
        metavar="COMMAND",
        help="the command that runs the jobs of the remedy queued",
    )
    group.addoption(
        "--liveness-all",
        action="store_true",
        help="also run the cases that end servers, which takes minutes",
    )
    group.addoption(
        "--liveness-known",
        type=Path,
        metavar="FILE",
        help="a TOML file of known differences",
    )
    parser.addini(
        "liveness_max_stall",
        "fail each test in whose call an event loop stalls for longer, such as 200ms",
        default="",
    )
    parser.addini(
        "liveness_allow",
        "functions that may stall it, each as FILE:FUNCTION and the reason",
        type="linelist",
        default=[],
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make a runner from the options; a bad option or setting is a usage error."""
    config.addinivalue_line(
        "markers",
        'liveness(max_stall="200ms"): fail if an event loop stalls for longer; "off" for no limit',
    )
    config.stash[_RUNNER] = None
    if config.getini("liveness_max_stall") or config.getini("liveness_allow"):
        _install_gate(config)
    if not config.option.liveness_target:
        return
    # Imported late: pytest loads this plugin in every run of an environment that has it.
    from asgi_liveness.cli.arguments import split_names
    from asgi_liveness.conformance import known
    from asgi_liveness.conformance.cases import choose_cases
    from asgi_liveness.conformance.promises import lacking
    from asgi_liveness.conformance.runner import Runner
    from asgi_liveness.errors import one_line
    from asgi_liveness.serving.servers import choose_servers
    from asgi_liveness.serving.worker import worker_command

    option = config.option
    try:
        config.stash[_RUNNER] = Runner(
            option.liveness_target,
            choose_servers(option.liveness_server),
            choose_cases(None, ends_servers=option.liveness_all),
            known.load(option.liveness_known, option.liveness_target)
            if option.liveness_known
            else [],
            lacks=lacking(split_names(option.liveness_lacks), split_names(option.liveness_has)),
            worker=worker_command(option.liveness_worker) if option.liveness_worker else (),
        )
    except Exception as error:
        raise pytest.UsageError(plain(one_line(error))) from error


def _install_gate(config: pytest.Config) -> None:
    from asgi_liveness.pytest_gate import install  # late, as above

    install(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test item for each cell."""
    if "liveness_cell" not in metafunc.fixturenames:
        return
    runner = metafunc.config.stash[_RUNNER]
    cells = runner.cells if runner else []
    metafunc.parametrize("liveness_cell", cells, ids=_cell_id, scope="session")


def _cell_id(cell: Cell) -> str:
    return f"{cell.target}-{cell.server.name}-{cell.case.name}"


@pytest.hookimpl(trylast=True)  # others may add marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Raise a usage error if the suite has no target; install the gate where a mark asks for it."""
    if any(item.get_closest_marker("liveness") for item in items):
        _install_gate(config)
    has_cells = any("liveness_cell" in getattr(item, "fixturenames", ()) for item in items)
    if has_cells and config.stash[_RUNNER] is None:
        raise pytest.UsageError("no app to judge; add --liveness-target module:app")


@pytest.fixture(scope="session")
def liveness_runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    """The runner of this session; its servers end with the session."""
    runner = request.config.stash[_RUNNER]
    assert runner is not None
    if not hasattr(request.config, "workerinput"):  # else pytest-xdist gives us some, one by one
        items = [getattr(item, "callspec", None) for item in request.session.items]
        cells = [item.params.get("liveness_cell") for item in items if item]
        runner.judge_together(filter(None, cells))
    with runner:
        yield runner


@pytest.fixture
def liveness_result(liveness_runner: Runner, liveness_cell: Cell) -> Result:
    """The result of a cell. A cell that could not be judged is an error, never a skip."""
    from asgi_liveness.conformance.outcome import Outcome
    from asgi_liveness.errors import one_line

    try:
        result = liveness_runner.judge(liveness_cell)
    except Exception as error:  # noqa: BLE001 (the traceback would be of the kit)
        pytest.fail(plain(one_line(error)), pytrace=False)
    if result.outcome in (Outcome.ERROR, Outcome.INCONCLUSIVE):
        pytest.fail(f"{result.outcome}: {result.message}", pytrace=False)
    if result.outcome is Outcome.NOT_APPLICABLE:
        pytest.skip(f"not applicable: {result.message}")
    return result


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the report of the run."""
    runner = config.stash[_RUNNER]
    if runner is None or not runner.results:
        return
    from asgi_liveness.conformance import render
    from asgi_liveness.conformance.report import ConformanceReport

    terminalreporter.section("event-loop liveness")
    verbose = config.get_verbosity() > 0
    terminalreporter.write_line(render.text(ConformanceReport.of(runner), verbose=verbose))


class Liveness:
    """The object that the fixture ``liveness`` returns."""

    def check(self, target: str | Sequence[str] = "", **options: Any) -> Report:
        """Check an app as ``asgi_liveness.check`` does; the test fails unless the app is live.

        As for the command, ``[tool.asgi-liveness]`` of the ``pyproject.toml`` supplies the options
        that are missing here.
        """
        from asgi_liveness.checking import render, settings
        from asgi_liveness.checking.called import given
        from asgi_liveness.checking.run import run
        from asgi_liveness.errors import one_line
        from asgi_liveness.files import current_folder

        try:
            report = run(settings.options(given(target, **options), current_folder()))
        except Exception as error:  # noqa: BLE001 (the traceback would be of the kit)
            pytest.fail(plain(one_line(error)), pytrace=False)
        if not report.ok:
            pytest.fail(render.text(report), pytrace=False)
        return report


@pytest.fixture(scope="session")
def liveness() -> Liveness:
    """Checks whether an app still answers during a request: ``liveness.check(...)``."""
    return Liveness()
