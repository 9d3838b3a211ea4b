"""A report of a check is data: it comes back from JSON as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.checking import render
from asgi_liveness.checking.report import SCHEMA, Report
from asgi_liveness.checking.untried import Untried
from asgi_liveness.errors import UsageError
from tests.kit.checking.made import DIED, INCONCLUSIVE, LIVE, STALLED, STARVED, UNSEEN, report

UNTRIED = (Untried("GET", "/a"), Untried("POST", "/b", "it needs a body", "check -d @body"))
MADE = report(
    STALLED, LIVE, STARVED, INCONCLUSIVE, DIED, UNSEEN, untried=UNTRIED, notes=("a note",)
)


def test_a_report_comes_back_from_json_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(MADE.to_json())
    loaded = Report.load(path)
    assert loaded == MADE
    assert loaded.to_json() == path.read_text()
    assert render.text(loaded) == render.text(MADE)
    assert loaded.exit_code == MADE.exit_code


def test_a_report_of_schema_1_is_read(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    data = broken(schema=1, untried=["GET /a", "GET /b c"])
    del data["notes"]
    path.write_text(json.dumps(data))
    loaded = Report.load(path)
    assert loaded.untried == (Untried("GET", "/a"), Untried("GET", "/b c"))
    assert (loaded.notes, loaded.schema, loaded.routes) == ((), SCHEMA, MADE.routes)
    assert "    GET /b c\n" in render.text(loaded)


def broken(**changes: Any) -> dict[str, Any]:
    return {**json.loads(MADE.to_json()), **changes}


@pytest.mark.parametrize(
    "data",
    [
        [],
        1,
        {},
        {"schema": 1},
        broken(schema=SCHEMA + 1),
        broken(routes=[]),
        broken(routes=5),
        broken(routes=[{}]),
        broken(routes=["idle"]),
        broken(untried=None),
        broken(untried=[5]),
        broken(untried=[{"method": "GET"}]),
        broken(notes=5),
        broken(colour="red"),
        broken(routes=[{**broken()["routes"][0], "verdict": "fine"}]),
        broken(routes=[{**broken()["routes"][0], "probes": 5}]),
        broken(routes=[{**broken()["routes"][1], "culprit": {"file": "a"}}]),
    ],
)
def test_other_json_is_refused_in_one_line(data: object, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError) as raised:
        Report.load(path)
    assert str(raised.value) == (
        f"{path} is not a report of schema 3; make one with `asgi-liveness check --report`"
    )


def test_a_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file or directory"):
        Report.load(tmp_path / "report.json")
