"""A badge says the verdict in words, and is safe whatever an app wrote."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_liveness.checking.report import Verdict
from asgi_liveness.cli import main as cli
from asgi_liveness.cli import recorded as recorded_report
from asgi_liveness.conformance.report import ConformanceReport
from asgi_liveness.page import badge
from asgi_liveness.page.badge import COLOURS, LABEL, LABEL_COLOUR, MOST, TEXT_COLOUR, Badge
from tests.kit.checking.made import DIED, INCONCLUSIVE, LIVE, STALLED, STARVED, report
from tests.kit.conformance.test_run_changes import cell, run
from tests.kit.hostile import ANY, PATIENTLY
from tests.kit.watching.test_screen import FULL, REPORT, ROW
from tools.comparison import ROOT

if TYPE_CHECKING:
    from asgi_liveness.cli.recorded import Recorded

Capture = pytest.CaptureFixture[str]
SVG = "{http://www.w3.org/2000/svg}"
GOOD = st.sampled_from([True, False, None])
ENOUGH = 4.5  # the contrast that WCAG asks of small text


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", [*COLOURS.values(), LABEL_COLOUR])
def test_words_have_enough_contrast(colour: str) -> None:
    light, dark = sorted((luminance(TEXT_COLOUR), luminance(colour)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= ENOUGH


@PATIENTLY
@given(ANY, ANY, GOOD)
def test_a_picture_is_xml_that_has_the_words_as_text_alone(
    label: str, message: str, good: bool | None
) -> None:
    found = ET.fromstring(badge.svg(label, message, good).encode())  # noqa: S314 (it is ours)
    names = {element.tag.removeprefix(SVG) for element in found.iter()}
    assert names == {"svg", "title", "rect", "g", "text"}
    title = found.findtext(f"{SVG}title")
    assert title == found.get("aria-label")
    assert title == ": ".join(text.text or "" for text in found.iter(f"{SVG}text"))
    assert len(title) <= 2 * MOST + 2
    assert not {*"\u202e\u2028\x1b\x7f"} & {*title}


@PATIENTLY
@given(ANY, ANY, GOOD)
def test_an_endpoint_has_the_fields_that_shields_asks_for(
    label: str, message: str, good: bool | None
) -> None:
    text = badge.endpoint(label, message, good)
    found = json.loads(text)
    assert found.keys() == {"schemaVersion", "label", "message", "color", "labelColor"}
    assert (found["schemaVersion"], found["color"]) == (1, COLOURS[good])
    assert len(found["message"]) <= MOST
    assert text.isascii()


def test_a_picture_says_what_it_is_to_those_who_do_not_see_it() -> None:
    found = ET.fromstring(badge.svg("event loop", "live", good=True))  # noqa: S314 (it is ours)
    assert (found.get("role"), found.get("aria-label")) == ("img", "event loop: live")


# What it says.


@pytest.mark.parametrize(
    ("made", "message", "good"),
    [
        (report(LIVE), "live", True),
        (report(LIVE, STALLED), "stalled at myapp/reports.py:12", False),
        (report(STARVED), "starved at myapp/reports.py:12", False),
        (report(DIED), "died", False),
        (report(INCONCLUSIVE), "inconclusive", None),
        (report(replace(LIVE, verdict=Verdict.NOT_CHECKED)), "not checked", None),
        (REPORT, "stalled at app/report.py:12", False),
        (replace(REPORT, culprits=(replace(ROW, culprit=None),)), "stalled", False),
        (replace(REPORT, culprits=(), starved=(FULL,)), "starved at app/chat.py:31", False),
        (replace(REPORT, culprits=()), "live", True),
        (replace(REPORT, culprits=(), processes=0), "no event loop was watched", None),
        (run(cell(), cell("differs"), cell("not applicable")), "2 of 2", True),
        (run(cell(), cell("failed")), "1 of 2", False),
        (run(cell(), cell("error")), "1 of 2", False),
        (run(cell(), cell("inconclusive")), "1 of 2", None),
        (run(), "no case was judged", None),
    ],
)
def test_a_badge_says_the_verdict(made: Recorded, message: str, good: bool | None) -> None:
    assert recorded_report.badge(made) == Badge(LABEL, message, good)


def test_a_badge_is_written_and_replaces_a_badge_and_no_other_file(
    tmp_path: Path, capsys: Capture
) -> None:
    path, svg, shields = (tmp_path / name for name in ("report.json", "out/a.svg", "a.json"))
    path.write_text(report(STALLED).to_json())
    words = ["report", str(path), "--badge", f"svg={svg}", "--badge", f"json={shields}"]
    for _ in range(2):
        assert cli.main(words) == 1
        assert svg.read_text() == badge.svg(LABEL, "stalled at myapp/reports.py:12", good=False)
        assert json.loads(shields.read_text())["message"] == "stalled at myapp/reports.py:12"
    capsys.readouterr()
    svg.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    assert cli.main(words) == 2
    assert "that file is no report, and would be lost" in capsys.readouterr().err
    assert svg.read_text() == '<svg xmlns="http://www.w3.org/2000/svg"/>'


def test_a_badge_never_replaces_its_own_report(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "report.json"
    path.write_text(report(LIVE).to_json())
    (tmp_path / "link").symlink_to(path)
    for name in (path, tmp_path / "link"):
        assert cli.main(["report", str(path), "--badge", f"json={name}"]) == 2
        assert "that is the report itself; name another" in capsys.readouterr().err
    assert path.read_text() == report(LIVE).to_json()


def test_a_badge_of_the_record_counts_its_cells() -> None:
    made = ConformanceReport.load(ROOT / "results" / "comparison.json")
    assert recorded_report.badge(made) == Badge(
        LABEL, f"{len(made.cells)} of {len(made.cells)}", good=True
    )
