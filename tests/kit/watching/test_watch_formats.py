"""The report of a watch in the formats that other programs read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from asgi_liveness.cli.outputs import parse_outputs, write
from asgi_liveness.errors import UsageError
from asgi_liveness.serving.records import Frame
from asgi_liveness.watching.formats import FORMATS, junit, markdown
from asgi_liveness.watching.report import SCHEMA, WatchReport, line_of, shown
from tests.kit.watching.made import CULPRIT, named_stall
from tests.kit.watching.test_screen import FULL, REPORT, ROW

LIVE = replace(REPORT, culprits=())
BELOW = Frame("/x.py", 1, "inner")


def suite(report: WatchReport) -> ET.Element:
    return ET.fromstring(junit(report).encode())[0]  # noqa: S314 (it is ours)


def test_json_has_each_field_with_its_unit_and_names_for_frames() -> None:
    row = replace(ROW, culprit=replace(CULPRIT, below=BELOW, callers=(BELOW,)))
    found = json.loads(replace(REPORT, culprits=(row,)).to_json())
    assert list(found)[:3] == ["schema", "verdict", "kind"]
    assert (found["schema"], found["verdict"], found["kind"]) == (SCHEMA, "stalled", "watch")
    assert found["culprits"][0]["total_s"] == 8.1
    assert found["culprits"][0]["culprit"]["below"] == BELOW._asdict()
    assert found["culprits"][0]["culprit"]["callers"] == [BELOW._asdict()]


def test_a_verdict_is_the_worst_that_was_found() -> None:
    busy = replace(ROW, is_finding=False)
    assert LIVE.verdict == replace(LIVE, culprits=(busy,)).verdict == "live"
    assert replace(LIVE, starved=(FULL,)).verdict == "starved"
    assert replace(REPORT, starved=(FULL,)).verdict == "stalled"


def test_junit_has_a_failure_for_each_line_and_each_pool() -> None:
    found = suite(replace(REPORT, starved=(FULL,)))
    assert (found.get("tests"), found.get("failures")) == ("2", "2")
    assert [case.get("name") for case in found] == [
        "app/report.py:12 in report()",
        "thread pool at app/chat.py:31",
    ]
    assert found[0][0].get("message") == "5 stalls, 8.1 s together, the longest 3.1 s"
    assert "watched 4 min 12 s" in str(found[0][0].text)


def test_junit_of_a_live_app_is_a_test_that_passed() -> None:
    found = suite(LIVE)
    assert (found.get("tests"), found.get("failures"), len(found), len(found[0])) == (
        *("1", "0"),
        *(1, 0),
    )


def test_markdown_has_a_table_and_no_markup_of_the_app() -> None:
    row = replace(ROW, requests={"GET /a|b`*": 1})
    text = markdown(replace(REPORT, culprits=(row,)))
    assert text.startswith("**asgi-liveness: stalled**, uvicorn\n\n| stalls |")
    assert "GET /a\\|b\\`\\*" in text
    assert "| stalls |" not in markdown(LIVE)


def test_a_line_of_json_is_one_event() -> None:
    stall = json.loads(line_of(named_stall(0.8, request="GET /\n")))
    assert (stall["kind"], stall["seconds"], stall["request"]) == ("stalled", 0.8, "GET / ")
    assert stall["culprit"]["line"] == 12
    assert not {"group", "stacks"} & stall.keys()
    assert json.loads(line_of(FULL))["kind"] == "starved"


def test_a_report_shows_plain_text_only() -> None:
    evil = replace(ROW, because="\x1b[31mred\n")
    assert shown(replace(REPORT, culprits=(evil,))).culprits[0].because == "red "


@pytest.mark.parametrize("form", FORMATS)
def test_a_report_replaces_another_and_no_other_file(form: str, tmp_path: Path) -> None:
    path = tmp_path / "report"
    for report in (REPORT, LIVE):
        outputs = parse_outputs([f"{form}={path}"], tuple(FORMATS))
        assert write(outputs, {form: FORMATS[form](report)}.__getitem__) == []
    path.write_text("my notes\n")
    with pytest.raises(UsageError, match="that file is no report"):
        parse_outputs([f"{form}={path}"], tuple(FORMATS))


def test_a_file_of_lines_is_replaced_too(tmp_path: Path) -> None:
    path = tmp_path / "stalls.jsonl"
    path.write_text(line_of(named_stall()))
    assert parse_outputs([f"jsonl={path}"], ("jsonl",))
    assert not path.exists()
