"""The check on the columns: it calls every remedy live, and reports the line of each defect."""

from __future__ import annotations

import ast
from itertools import cycle
from pathlib import Path

import pytest

from asgi_liveness.checking.options import Options
from asgi_liveness.checking.report import Verdict
from asgi_liveness.checking.run import run
from asgi_liveness.conformance.contract import starts_by
from asgi_liveness.conformance.promises import REMEDIES
from tools.comparison import FRAMEWORKS

pytestmark = pytest.mark.servers

ROOT = Path(__file__).parents[2]
SERVERS = [("uvicorn", "asyncio"), ("uvicorn", "uvloop"), ("hypercorn", "auto")]
DEFECTS = {"GET /blocking": "blocking", "GET /background-async": "background_async_loop"}
STARTS = tuple(f"{starts_by(remedy.path)} {remedy.path}" for remedy in REMEDIES)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Check each column on one server; with --thorough on every server."""
    if "server" in metafunc.fixturenames:
        pairs = [
            (column, *server) for column, server in zip(FRAMEWORKS, cycle(SERVERS), strict=False)
        ]
        if metafunc.config.getoption("--thorough"):
            pairs = [(column, *server) for column in FRAMEWORKS for server in SERVERS]
        metafunc.parametrize(("column", "server", "loop"), pairs)


def test_every_remedy_is_live(column: str, server: str, loop: str) -> None:
    report = run(
        Options(
            FRAMEWORKS[column],
            during=STARTS,
            probe="/hello",
            duration=0.6,
            server=server,
            loop=loop,
        )
    )
    assert [(route.during, route.verdict) for route in report.routes] == [
        (during, Verdict.LIVE) for during in (None, *STARTS)
    ]


@pytest.mark.parametrize("column", FRAMEWORKS)
def test_each_defect_is_reported_with_its_line(column: str) -> None:
    report = run(Options(FRAMEWORKS[column], during=tuple(DEFECTS), probe="/hello", duration=1.0))
    file = f"{column}_impl/app.py"
    for route, function in zip(report.routes[1:], DEFECTS.values(), strict=True):
        assert route.verdict is Verdict.STALLED
        assert route.culprit is not None
        assert (route.culprit.file, route.culprit.function) == (file, function)
        assert route.culprit.line in _loop_of(ROOT / file, function)


def _loop_of(path: Path, function: str) -> range:
    """Return the lines of the loop in *function*."""
    (loop,) = (
        node
        for top in ast.parse(path.read_text()).body
        if isinstance(top, ast.AsyncFunctionDef) and top.name == function
        for node in ast.walk(top)
        if isinstance(node, ast.While)
    )
    assert loop.end_lineno is not None
    return range(loop.lineno, loop.end_lineno + 1)
