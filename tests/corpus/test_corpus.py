"""The check on the apps of the corpus: it finds every line that blocks, and no other line.

Marks in the comments of the apps say what the check must report, see ``tools/marks.py``.
"""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from quart import Quart
from starlette.applications import Starlette
from starlette.routing import Route as StarletteRoute

from asgi_liveness.checking.options import Options
from asgi_liveness.checking.report import Probes, Verdict, WindowReport
from asgi_liveness.checking.run import run
from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.culprit import Culprit
from tools.marks import IDLE, Mark, marks

FOLDER = Path(__file__).parent / "apps"
PROBE = "/healthz"
DURATION = 1.0  # seconds of a window
SOURCES = {path.stem: path.read_text() for path in sorted(FOLDER.glob("*.py"))}
MARKS = {app: found for app, source in SOURCES.items() if (found := marks(source))}
BLOCKING = [(app, mark) for app, found in MARKS.items() for mark in found if mark.blocks]
INNOCENT = [(app, mark) for app, found in MARKS.items() for mark in found if not mark.blocks]
SOME = [*BLOCKING[::33], *INNOCENT[::20]]
THOROUGH = 5  # runs of the whole corpus, with --thorough
PART = 3  # every third mark of an app is checked, without --thorough


def faults(app: str, found: list[Mark], server: str, loop: str) -> list[str]:
    """Check the app with its marked requests; return a line for each wrong result."""
    requests = [mark.request for mark in found if mark.request != IDLE]
    report = run(
        Options(
            target=f"tests.corpus.apps.{app}:app",
            during=tuple(requests),
            probe=PROBE,
            server=server,
            loop=loop,
            app_dir=str(FOLDER.parents[2]),
            duration=DURATION,
        )
    )
    idle = Mark(IDLE, blocks=False, endless=False, below="", lines=())
    expected = {mark.request: mark for mark in [idle, *found]}
    routes = {route.during or IDLE: route for route in report.routes}
    assert routes.keys() == expected.keys()
    return [
        f"{request}: {wrong}"
        for request, mark in expected.items()
        if (wrong := fault(app, mark, routes[request]))
    ]


def fault(app: str, mark: Mark, route: WindowReport) -> str:
    """Say what is wrong with the verdict or the culprit; "" if both are right."""
    stalled = Verdict.IDLE_STALLED if mark.request == IDLE else Verdict.STALLED
    expected = stalled if mark.blocks else Verdict.LIVE
    culprit = route.culprit
    if route.verdict is not expected:
        words = "; ".join([route.because, *route.notes])
        return f"{route.verdict}, expected {expected}: {culprit or words}"
    if not mark.blocks:
        return ""
    if culprit is None:
        return f"no culprit, expected one of the lines {mark.lines}"
    lines = SOURCES[app].splitlines()
    right = [f"{FOLDER / app}.py:{line}: {lines[line - 1].strip()}" for line in mark.lines]
    reported = f"{Path(culprit.file).resolve()}:{culprit.line}: {culprit.source}"
    if reported not in right:
        return f"the culprit is {reported}, expected {' or '.join(right)}"
    if mark.below and name(culprit.below) != mark.below:
        return f"below it is {name(culprit.below) or 'nothing'}, expected {mark.below}"
    return ""


def name(frame: Frame | None) -> str:
    """Return the module and the function of a frame."""
    if frame is None:
        return ""
    file = Path(frame.file)
    return f"{file.parent.name if file.stem == '__init__' else file.stem}.{frame.function}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Check a part of the corpus; with --thorough check all of it several times."""
    if "steps" in metafunc.fixturenames:
        thorough = metafunc.config.getoption("--thorough")
        metafunc.parametrize("steps", [1] * THOROUGH if thorough else [PART])


@pytest.mark.servers
@pytest.mark.parametrize("app", MARKS)
def test_every_line_that_blocks_is_reported_and_no_other(app: str, steps: int) -> None:
    assert not faults(app, MARKS[app][::steps], "uvicorn", "asyncio")


@pytest.mark.servers
@pytest.mark.parametrize(("app", "mark"), SOME, ids=[f"{app} {mark.request}" for app, mark in SOME])
@pytest.mark.parametrize(("server", "loop"), [("uvicorn", "uvloop"), ("hypercorn", "asyncio")])
def test_some_apps_on_other_servers(app: str, mark: Mark, server: str, loop: str) -> None:
    assert not faults(app, [mark], server, loop)


APP, MARK = next((app, mark) for app, mark in BLOCKING if mark.below)
RIGHT = Culprit(
    file=str(FOLDER / f"{APP}.py"),
    line=MARK.lines[0],
    function="",
    source=SOURCES[APP].splitlines()[MARK.lines[0] - 1].strip(),
    below=Frame(f"/lib/{MARK.below.partition('.')[0]}.py", 1, MARK.below.partition(".")[2]),
)
ROUTE = WindowReport(
    during=MARK.request,
    verdict=Verdict.STALLED,
    probes=Probes(1, 0),
    longest_stall_s=1.0,
    idle_stall_s=0.0,
    longest_silence_s=1.0,
    culprit=RIGHT,
)


def test_a_right_result_is_no_fault() -> None:
    assert not fault(APP, MARK, ROUTE)
    assert not fault(APP, replace(MARK, blocks=False), replace(ROUTE, verdict=Verdict.LIVE))
    idle = replace(ROUTE, during=None, verdict=Verdict.IDLE_STALLED)
    assert not fault(APP, replace(MARK, request=IDLE), idle)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"verdict": Verdict.LIVE}, "live, expected stalled"),
        ({"culprit": None}, "no culprit"),
        ({"culprit": replace(RIGHT, line=1)}, ".py:1: "),
        ({"culprit": replace(RIGHT, file=__file__)}, "test_corpus.py:"),
        ({"culprit": replace(RIGHT, source="")}, ": , expected"),
        ({"culprit": replace(RIGHT, below=None)}, "below it is nothing"),
        ({"culprit": replace(RIGHT, below=Frame("/lib/x.py", 1, "y"))}, "below it is x.y"),
    ],
)
def test_a_wrong_result_is_a_fault(change: dict[str, Any], part: str) -> None:
    assert part in fault(APP, MARK, replace(ROUTE, **change))


def test_a_stall_reported_for_a_live_request_is_a_fault() -> None:
    assert "stalled, expected live" in fault(APP, replace(MARK, blocks=False), ROUTE)


def test_the_corpus_has_enough_marks_of_each_kind() -> None:
    assert len(BLOCKING) >= 30
    assert len(INNOCENT) >= 15
    endless = [mark for _, mark in BLOCKING if mark.endless]
    assert len(BLOCKING) / 3 <= len(endless) <= len(BLOCKING) * 2 / 3


def requests_of(app: str) -> list[str]:
    """Return the requests that an app of the corpus serves, without the probe."""
    module = importlib.import_module(f"tests.corpus.apps.{app}")
    asgi_app = getattr(module, "app", None)
    found: list[tuple[str, str]] = []
    if isinstance(asgi_app, Quart):
        rules = [rule for rule in asgi_app.url_map.iter_rules() if rule.endpoint != "static"]
        found = [(method, rule.rule) for rule in rules for method in rule.methods or ()]
    elif isinstance(asgi_app, Starlette):
        routes = [route for route in asgi_app.routes if isinstance(route, StarletteRoute)]
        found = [(method, route.path) for route in routes for method in route.methods or ()]
    elif asgi_app is not None:
        found = [("GET", path) for path in module.routes]
    return [
        f"{method} {path}"
        for method, path in found
        if path != PROBE and method not in ("HEAD", "OPTIONS")
    ]


@pytest.mark.parametrize("app", SOURCES)
def test_every_route_has_a_mark(app: str) -> None:
    requests = [mark.request for mark in MARKS.get(app, ()) if mark.request != IDLE]
    marked = [request.partition("?")[0] for request in requests]
    assert sorted(marked) == sorted(requests_of(app))


@pytest.mark.parametrize(
    ("comment", "mark"),
    [
        ("# GET /sleep blocks", Mark("GET /sleep", True, False, "", (3,))),
        ("# POST /a?b=c blocks for ever", Mark("POST /a?b=c", True, True, "", (3,))),
        ("# GET /q blocks, below it: queue.get", Mark("GET /q", True, False, "queue.get", (3,))),
        ("# idle blocks", Mark(IDLE, True, False, "", (3,))),
        ("# GET /slow does not block", Mark("GET /slow", False, False, "", (3,))),
    ],
)
def test_a_mark_is_parsed(comment: str, mark: Mark) -> None:
    assert marks(f'"""# GET /text blocks"""\nwait()  # as it must\ncall()  {comment}\n') == [mark]


def test_lines_of_one_loop_share_a_mark() -> None:
    source = "a()  # idle blocks\nb()  # GET /a blocks\nc()  # idle blocks"
    assert [(mark.request, mark.lines) for mark in marks(source)] == [
        (IDLE, (1, 3)),
        ("GET /a", (2,)),
    ]


@pytest.mark.parametrize(
    "source",
    [
        "a()  # GET /a bocks",
        "a()  # GET /a blocks forever",
        "a()  # /a blocks",
        "a()  # GET /a blocks  # noqa: S311",
        "a()  # GET /a blocks, below it: get",
        "a()  # GET /a blocks\nb()  # GET /a blocks for ever",
        "a()  # GET /a blocks\nb()  # GET /a does not block",
        "a()  # GET /a does not block\nb()  # GET /a does not block",
    ],
)
def test_a_malformed_mark_is_an_error(source: str) -> None:
    with pytest.raises(ValueError, match=r"line \d"):
        marks(source)
