"""A culprit has its source and its path."""

from __future__ import annotations

from pathlib import Path

import pytest

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.culprit import Culprit, culprit_at, culprit_of, where
from asgi_liveness.stalls.line import Line
from tests.kit.checking.windows import INSTALLED, OTHER, RANDINT, REPORT

APP = """\
async def report():
    while True:
        work()
    wait()
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(APP)
    return str(tmp_path / "app.py")


def test_a_culprit_has_its_source_and_a_relative_path(app: str) -> None:
    assert culprit_at(Frame(app, 3, "report"), RANDINT, 3, 4) == Culprit(
        "app.py",
        3,
        "report",
        "work()",
        RANDINT,
        seen=3,
        looks=4,
        first=1,
        around=(*APP.splitlines(), ""),
    )
    assert where(Frame(app, 3, "report")) == "app.py:3"


def test_a_culprit_without_a_file_has_no_source() -> None:
    assert culprit_at(REPORT, None, 1, 1) == Culprit(*REPORT, "", None, seen=1, looks=1)
    assert where(REPORT) == "/srv/myapp/reports.py:12"


def test_a_culprit_has_its_callers_up_to_the_handler(app: str) -> None:
    handler = Frame(app, 3, "report")
    line = Line(OTHER, None, 4, (RANDINT, OTHER, REPORT, handler))
    found = culprit_of(line, 4, "", None)
    assert found.callers == (REPORT, Frame("app.py", 3, "report"))
    assert (found.way, found.handler) == ((), None)


def test_a_culprit_in_installed_code_has_the_way_from_the_handler(app: str) -> None:
    encoder = Frame(f"{INSTALLED}/fastapi/encoders.py", 300, "jsonable_encoder")
    routing = Frame(f"{INSTALLED}/starlette/routing.py", 73, "app")
    found = culprit_of(Line(encoder, None, 4, (encoder, routing)), 4, "", Frame(app, 1, "report"))
    assert found.handler == Frame("app.py", 1, "report")
    assert found.way == ("report()", "fastapi.encoders jsonable_encoder")


def test_a_culprit_that_a_library_calls_is_the_apps_own_code(app: str) -> None:
    validation = Frame(f"{INSTALLED}/pydantic/main.py", 300, "validate")
    line = Line(OTHER, None, 4, (OTHER, validation))
    assert culprit_of(line, 4, "", Frame(app, 1, "report")).handler is None
