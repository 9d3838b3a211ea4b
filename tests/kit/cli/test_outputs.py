"""``--report FORMAT=FILE``: checked before the run, written after it, read by other programs."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from asgi_liveness.checking import render
from asgi_liveness.checking.report import Report, Verdict
from asgi_liveness.cli import outputs
from asgi_liveness.cli.outputs import FORMATS, Output, parse_outputs
from asgi_liveness.errors import UsageError
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

FORMS = tuple(FORMATS)


def test_outputs_are_in_the_order_of_the_formats(tmp_path: Path) -> None:
    found = parse_outputs([f"md={tmp_path}/a/b.md", "github=-", f"json={tmp_path}/c=d"], FORMS)
    assert found == [
        Output("json", tmp_path / "c=d"),
        Output("github", None),
        Output("md", tmp_path / "a" / "b.md"),
    ]
    assert (tmp_path / "a" / "b.md").exists()


def test_a_file_that_is_there_is_not_emptied_before_the_run(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("of the last run")
    parse_outputs([f"json={path}"], FORMS)
    assert path.read_text() == "of the last run"


@pytest.mark.parametrize("text", ["xml=a", "json", "json=", "=a", "", "JSON=a"])
def test_what_is_no_format_and_file_is_an_error_that_names_the_formats(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_outputs([text], FORMS)
    assert str(raised.value) == (
        f"--report {text!r}: write FORMAT=FILE, with json, junit, github or md"
    )


@pytest.mark.parametrize("name", ["", "/dev/null/report.json"])
def test_a_file_that_cannot_be_written_is_an_error(name: str, tmp_path: Path) -> None:
    text = f"json={name or tmp_path}"
    with pytest.raises(UsageError, match=r"cannot be written: (Is a directory|File exists)\Z"):
        parse_outputs([text], FORMS)


@pytest.mark.parametrize("texts", [("json=-", "md=-"), ("json=a", "junit=./a")])
def test_two_reports_cannot_go_to_one_place(
    texts: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="another report goes there"):
        parse_outputs(texts, FORMS)


def test_the_screen_makes_room_for_a_report_on_standard_output() -> None:
    assert outputs.screen([Output("json", Path("a"))]) is sys.stdout
    assert outputs.screen([Output("json", Path("a")), Output("md", None)]) is sys.stderr


def test_reports_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = [Output("json", tmp_path / "a"), Output("md", None)]
    assert outputs.write(wanted, lambda form: f"in {form} ·\n") == []
    assert (tmp_path / "a").read_text(encoding="utf-8") == "in json ·\n"
    assert capsys.readouterr().out == "in md ·\n"


def test_what_no_encoding_has_is_written_all_the_same(tmp_path: Path) -> None:
    assert outputs.write([Output("md", tmp_path / "a")], lambda _: "a\udcff") == []
    assert (tmp_path / "a").read_text() == "a\\udcff"


def test_what_cannot_be_written_any_more_is_told_and_the_rest_is_written(tmp_path: Path) -> None:
    wanted = [Output("json", Path("/dev/full")), Output("md", tmp_path / "b")]
    assert outputs.write(wanted, lambda form: form) == [
        "/dev/full could not be written: No space left on device"
    ]
    assert (tmp_path / "b").read_text() == "md"


def test_json_is_the_report() -> None:
    made = report(STALLED)
    data = json.loads(FORMATS["json"](made))
    assert (data["schema"], data["verdict"], data["target"]) == (1, "stalled", "myapp.main:app")
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
        "GET /report stalled: 0 of 80 probes answered, event loop silent for 4.0 s (limit 200 ms)"
    )
    assert failure.get("type") == "stalled"
    assert failure.text == render.one(made, STALLED)


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
        (replace(IDLE, verdict=Verdict.IDLE_STALLED), "error"),
        (IDLE, "notice"),
    ],
)
def test_github_is_told_each_route_by_a_command(route: object, level: str) -> None:
    told = FORMATS["github"](report(route))  # type: ignore[arg-type]
    assert told.startswith(f"::{level} ")
    assert told.count("\n") == 1


def test_github_is_told_the_place_and_the_text_of_the_screen() -> None:
    made = report(STALLED)
    (told,) = FORMATS["github"](made).splitlines()
    command, _, message = told.removeprefix("::").partition("::")
    assert command == (
        "error file=myapp/reports.py,line=12,title=asgi-liveness%3A GET /report stalled"
    )
    assert message.replace("%0A", "\n") == render.one(made, STALLED)


def test_what_would_end_a_property_or_a_command_is_escaped() -> None:
    culprit = replace(CULPRIT, file="a%b:c,d.py", source="100 %")
    made = report(replace(STALLED, during="GET /a,b:c%2F", culprit=culprit, advice="one\r\ntwo"))
    (told,) = FORMATS["github"](made).splitlines()
    assert "file=a%25b%3Ac%2Cd.py,line=12," in told
    assert "title=asgi-liveness%3A GET /a%2Cb%3Ac%252F stalled::" in told
    assert "| 100 %25%0A" in told


def test_github_knows_files_by_their_place_in_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "backend").mkdir()
    monkeypatch.chdir(tmp_path / "backend")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert "file=backend/myapp/reports.py," in FORMATS["github"](report(STALLED))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "other"))
    assert "file=myapp/reports.py," in FORMATS["github"](report(STALLED))


def test_github_is_not_told_that_the_app_at_rest_is_live_beside_requests() -> None:
    assert FORMATS["github"](report(LIVE)).count("::notice") == 1
    assert FORMATS["github"](report()).count("::notice") == 1
