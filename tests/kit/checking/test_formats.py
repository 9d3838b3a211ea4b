"""The formats of a check's report that other programs read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from asgi_liveness.checking import render
from asgi_liveness.checking.formats import FORMATS
from asgi_liveness.checking.report import SCHEMA, Report, Verdict
from tests.kit.checking.made import (
    CULPRIT,
    DIED,
    IDLE,
    INCONCLUSIVE,
    LIVE,
    STALLED,
    STARVED,
    report,
)


def test_json_is_the_report() -> None:
    made = report(STALLED)
    data = json.loads(FORMATS["json"](made))
    assert (data["schema"], data["verdict"], data["target"]) == (
        SCHEMA,
        "stalled",
        "myapp.main:app",
    )
    assert [route["during"] for route in data["routes"]] == [None, "GET /report"]
    assert data["routes"][1]["culprit"]["line"] == 12


# JUnit.


def suite(made: Report) -> ET.Element:
    found = ET.fromstring(FORMATS["junit"](made)).find("testsuite")  # noqa: S314 (it is ours)
    assert found is not None
    return found


def test_junit_has_a_test_case_a_route() -> None:
    found = suite(report(LIVE, STALLED, STARVED, DIED, INCONCLUSIVE))
    counts = {key: found.get(key) for key in ("name", "tests", "failures", "errors")}
    assert counts == {"name": "asgi-liveness", "tests": "6", "failures": "3", "errors": "1"}
    assert [
        (case.get("name"), case.get("classname"), [child.tag for child in case]) for case in found
    ] == [
        ("idle", "myapp.main:app", []),
        ("GET /report", "myapp.main:app", []),
        ("GET /report", "myapp.main:app", ["failure"]),
        ("GET /pool", "myapp.main:app", ["failure"]),
        ("GET /report", "myapp.main:app", ["failure"]),
        ("GET /report", "myapp.main:app", ["error"]),
    ]
    assert "time" not in found[0].attrib


def test_a_failure_in_junit_says_what_the_screen_says() -> None:
    made = report(STALLED)
    failure = suite(made).find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == (
        "GET /report stalled: 0 of 80 probes answered in time, event loop silent for 4.0 s "
        "(limit 200 ms)"
    )
    assert failure.get("type") == "stalled"
    assert failure.text == render.one(made, STALLED)


def test_a_request_that_was_not_checked_is_an_error_in_junit() -> None:
    found = suite(report(replace(LIVE, verdict=Verdict.NOT_CHECKED, because="it answered 401")))
    assert (found.get("failures"), found.get("errors")) == ("0", "1")
    error = found.find("testcase/error")
    assert error is not None
    assert (error.get("type"), "it answered 401" in str(error.text)) == ("not checked", True)


def test_junit_is_valid_whatever_a_report_holds() -> None:
    odd = 'a & <b> "c" \x1b[31m\x00\udcff\ufffe \U0001f600'
    made = report(replace(STALLED, during=odd, because=odd), target=odd)
    (_, case) = suite(made)
    assert case.get("name") == 'a & <b> "c" \ufffd[31m\ufffd\ufffd\ufffd \U0001f600'
    FORMATS["junit"](made).encode()


# GitHub.


@pytest.mark.parametrize(
    ("route", "level"),
    [
        (LIVE, "notice"),
        (STALLED, "error"),
        (STARVED, "error"),
        (DIED, "error"),
        (INCONCLUSIVE, "warning"),
        (replace(LIVE, verdict=Verdict.NOT_CHECKED), "error"),
        (replace(IDLE, verdict=Verdict.IDLE_STALLED), "error"),
        (IDLE, "notice"),
    ],
)
def test_github_gets_a_command_for_each_route(route: object, level: str) -> None:
    text = FORMATS["github"](report(route))  # type: ignore[arg-type]
    assert text.startswith(f"::{level} ")
    assert text.count("\n") == 1


def test_a_command_for_github_has_the_line_and_the_text_of_the_screen() -> None:
    made = report(STALLED)
    (text,) = FORMATS["github"](made).splitlines()
    command, _, message = text.removeprefix("::").partition("::")
    assert command == (
        "error file=myapp/reports.py,line=12,title=asgi-liveness%3A GET /report stalled"
    )
    assert message.replace("%0A", "\n") == render.one(made, STALLED)


def test_characters_that_end_a_property_or_a_command_are_escaped() -> None:
    culprit = replace(CULPRIT, file="a%b:c,d.py", source="100 %")
    made = report(replace(STALLED, during="GET /a,b:c%2F", culprit=culprit, advice="one\r\ntwo"))
    (text,) = FORMATS["github"](made).splitlines()
    assert "file=a%25b%3Ac%2Cd.py,line=12," in text
    assert "title=asgi-liveness%3A GET /a%2Cb%3Ac%252F stalled::" in text
    assert "| 100 %25%0A" in text


def test_files_for_github_are_relative_to_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "backend").mkdir()
    monkeypatch.chdir(tmp_path / "backend")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert "file=backend/myapp/reports.py," in FORMATS["github"](report(STALLED))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "other"))
    assert "file=myapp/reports.py," in FORMATS["github"](report(STALLED))


def test_a_live_idle_app_has_no_command_where_there_are_requests() -> None:
    assert FORMATS["github"](report(LIVE)).count("::notice") == 1
    assert FORMATS["github"](report()).count("::notice") == 1
