"""A report survives a round trip through JSON, and its exit code follows from its cells."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from asgi_liveness.conformance import contract
from asgi_liveness.conformance.cases import CASES
from asgi_liveness.conformance.cell import Result
from asgi_liveness.conformance.contract import IDLE
from asgi_liveness.conformance.observation import Observation
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.report import (
    SCHEMA,
    CellRow,
    ConformanceReport,
    TargetRow,
    WindowRow,
)
from asgi_liveness.conformance.runner import Runner
from asgi_liveness.conformance.subject import Subject
from asgi_liveness.errors import UsageError
from asgi_liveness.page.timeline import Timeline
from asgi_liveness.probing.response import Response, SentRequest
from asgi_liveness.serving.servers import SERVERS, version

if TYPE_CHECKING:
    from pathlib import Path

REPORT = ConformanceReport(
    schema=SCHEMA,
    contract=1,
    python="3.12.1",
    platform={"system": "Linux", "machine": "x86_64", "cores": 2},
    versions={"uvicorn": "0.34.0"},
    targets=(TargetRow("a:app", "FastAPI", "0.115.0"), TargetRow("b:app", None, None)),
    servers=("uvicorn/asyncio", "hypercorn"),
    cells=(
        CellRow(
            "LIVE-001", "idle", "a:app", "hypercorn", "differs", "it is so", "https://x", "", "", {}
        ),
        CellRow(
            "EXITS-002",
            "ends",
            "b:app",
            "hypercorn",
            "passed",
            "",
            "",
            "exits",
            "x",
            {"SIGINT": None},
        ),
    ),
    windows=(
        WindowRow(
            *("/blocking", "a:app", "hypercorn", "frozen", "frozen", 0, 20, 0.7, 9, 0),
            timeline=Timeline(700, (0, 50), (None, None), interval=50, steps=(4, 5)),
        ),
    ),
    seconds={"starts": 1.5, "windows": 2.25, "ends": 0.5, "rest": 0.0},
)


def with_outcomes(*outcomes: Outcome) -> ConformanceReport:
    cell = REPORT.cells[0]
    return replace(REPORT, cells=tuple(replace(cell, verdict=outcome) for outcome in outcomes))


def test_a_report_is_the_same_after_json(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(REPORT.to_json())
    assert ConformanceReport.load(path) == REPORT
    assert ConformanceReport.load(path).to_json() == path.read_text()


PASSED, FAILED, DIFFERS, INCONCLUSIVE, NOT_APPLICABLE, RECORDED, ERROR = Outcome


@pytest.mark.parametrize(
    ("code", "outcomes"),
    [
        (0, [PASSED]),
        (0, [PASSED, DIFFERS, NOT_APPLICABLE, RECORDED]),
        (1, [PASSED, FAILED]),
        (1, [INCONCLUSIVE, ERROR, FAILED]),
        (2, []),
        (2, [PASSED, ERROR]),
        (2, [INCONCLUSIVE, ERROR]),
        (3, [PASSED, INCONCLUSIVE, DIFFERS]),
    ],
)
def test_the_gravest_outcome_sets_the_exit_code(code: int, outcomes: list[Outcome]) -> None:
    assert with_outcomes(*outcomes).exit_code == code


def test_every_outcome_has_its_exit_code() -> None:
    codes = {outcome: with_outcomes(outcome).exit_code for outcome in Outcome}
    fine = dict.fromkeys((PASSED, DIFFERS, NOT_APPLICABLE, RECORDED), 0)
    assert codes == fine | {FAILED: 1, ERROR: 2, INCONCLUSIVE: 3}


def test_outcomes_are_counted() -> None:
    assert with_outcomes(PASSED, FAILED, PASSED).verdicts == {"passed": 2, "failed": 1}


def test_a_target_has_its_frameworks_name_or_its_own() -> None:
    assert REPORT.titles == {"a:app": "FastAPI", "b:app": "b:app"}


def test_a_missing_report_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with pytest.raises(UsageError) as raised:
        ConformanceReport.load(path)
    assert str(raised.value) == f"{path} cannot be read: No such file or directory"


@pytest.mark.parametrize("content", [b"", b"# A report\n", b"\xff"])
def test_a_file_that_is_not_json_is_an_error_of_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"report\.json is not JSON: [^\n]+\Z"):
        ConformanceReport.load(path)


@pytest.mark.parametrize("text", ["[]", "1", "{}", '{"schema": 0}', '{"schema": "1"}'])
def test_json_that_is_not_a_report_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(UsageError) as raised:
        ConformanceReport.load(path)
    assert str(raised.value) == (
        f"{path} is not a report of schema 3; make one with `asgi-liveness run --report`"
    )


def broken(name: str, **changes: object) -> str:
    """The report as JSON, with the first row of a list changed."""
    data = json.loads(REPORT.to_json())
    data[name][0] |= changes
    return json.dumps(data)


TIMELINE = json.loads(REPORT.to_json())["windows"][0]["timeline"]


@pytest.mark.parametrize(
    "changes",
    [
        {"due": [0]},
        {"due": [0, -1]},
        {"due": [0, 701]},
        {"waits": [None, 1e9]},
        {"length": 10**12},
        {"length": "700"},
        {"statuses": [200]},
        {"interval": -50},
        {"steps": [-1]},
        {"stalls": [[1]]},
        {"stalls": [[1, 701]]},
        {"stalls": [[]]},
    ],
)
def test_a_timeline_whose_times_do_not_fit_is_refused(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    path = tmp_path / "report.json"
    path.write_text(broken("windows", timeline=TIMELINE))
    assert ConformanceReport.load(path) == REPORT
    path.write_text(broken("windows", timeline={**TIMELINE, **changes}))
    with pytest.raises(UsageError, match="is not a report of schema 3"):
        ConformanceReport.load(path)


def test_a_report_of_schema_2_is_read(tmp_path: Path) -> None:
    data = json.loads(REPORT.to_json())
    data["schema"] = 2
    del data["handlers"]
    for row in data["windows"]:
        del row["timeline"]
    path = tmp_path / "report.json"
    path.write_text(json.dumps(data))
    loaded = ConformanceReport.load(path)
    assert (loaded.schema, loaded.handlers) == (SCHEMA, ())
    assert [row.timeline for row in loaded.windows] == [None]


def keep(runner: Runner, result: Result) -> None:
    runner._judged[result.cell] = result


def judged() -> Runner:
    """Return a runner that has judged one of two targets, without a server."""
    runner = Runner(["a:app", "b:app"], SERVERS[:1], CASES[:1])
    subject = Subject("a:app", SERVERS[0], frozenset())
    subject.note = {"app": {"name": "FastAPI", "package": "fastapi", "version": "0.115.0"}}
    probes = (
        SentRequest("/hello", due=1.0, sent=1.0, response=Response(at=1.25, status=200)),
        SentRequest("/hello", due=1.0, sent=1.0, response=None),
    )
    observation = Observation(
        IDLE, 1.5, probes, (), (), steps=0, kept_running=True, beats=7, recovered=True
    )
    subject._results[IDLE] = (observation, observation)
    runner.subjects["a:app", SERVERS[0].name] = subject
    keep(runner, Result(runner.cells[0], FAILED, "it did not answer", "https://x"))
    return runner


def test_a_report_has_the_runners_targets_cells_and_windows() -> None:
    report = ConformanceReport.of(judged())
    assert report.targets == (
        TargetRow("a:app", "FastAPI", "0.115.0"),
        TargetRow("b:app", None, None),
    )
    assert report.servers == ("uvicorn/asyncio",)
    assert report.cells == (
        CellRow(
            "LIVE-001",
            "idle-answers",
            "a:app",
            "uvicorn/asyncio",
            "failed",
            "it did not answer",
            "https://x",
            "",
            "",
            {},
        ),
    )
    assert report.windows == (
        WindowRow(
            *("(nothing)", "a:app", "uvicorn/asyncio", "answering", "mixed"),
            *(1, 2, 0.5, 0, 7),
            timeline=Timeline(length=500, due=(0, 0), waits=(250, None)),
        ),
    )


def test_a_cell_has_its_promise_its_remedy_and_its_figures() -> None:
    runner = judged()
    gil = next(case for case in CASES if case.id == "GIL-002")
    runner.cases = [*runner.cases, gil]
    cell = runner.cells[1]
    keep(runner, Result(cell, PASSED, measured={"ratio": 3.5, "seconds": None}))
    row = ConformanceReport.of(runner).cells[-1]
    assert (row.promise, row.remedy) == ("gil", "cooperative")
    assert row.measured == {"ratio": 3.5, "seconds": None}


def test_a_report_describes_its_environment() -> None:
    report = ConformanceReport.of(judged())
    assert (report.schema, report.contract) == (SCHEMA, contract.VERSION)
    assert report.python == platform.python_version()
    assert report.platform["system"] == platform.system()
    assert report.versions["asgi-liveness"] == version("asgi-liveness")
    assert report.seconds.keys() == {"starts", "windows", "ends", "rest"}


def test_a_runners_report_is_the_same_after_json(tmp_path: Path) -> None:
    report = ConformanceReport.of(judged())
    path = tmp_path / "report.json"
    path.write_text(report.to_json())
    assert ConformanceReport.load(path) == report
