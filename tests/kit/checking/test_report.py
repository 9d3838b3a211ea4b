"""A report of a check is data: it comes back from JSON as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.checking import render
from asgi_liveness.checking.report import Report
from asgi_liveness.errors import UsageError
from tests.kit.checking.made import DIED, INCONCLUSIVE, LIVE, STALLED, STARVED, UNSEEN, report

MADE = report(STALLED, LIVE, STARVED, INCONCLUSIVE, DIED, UNSEEN, untried=("GET /a",))


def test_a_report_comes_back_from_json_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(MADE.to_json())
    loaded = Report.load(path)
    assert loaded == MADE
    assert loaded.to_json() == path.read_text()
    assert render.text(loaded) == render.text(MADE)
    assert loaded.exit_code == MADE.exit_code


def broken(**changes: Any) -> dict[str, Any]:
    return {**json.loads(MADE.to_json()), **changes}


@pytest.mark.parametrize(
    "data",
    [
        [],
        1,
        {},
        {"schema": 1},
        broken(schema=2),
        broken(routes=[]),
        broken(routes=5),
        broken(routes=[{}]),
        broken(routes=["idle"]),
        broken(untried=None),
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
        f"{path} is not a report of schema 1; make one with `asgi-liveness check --report`"
    )


def test_a_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file or directory"):
        Report.load(tmp_path / "report.json")
