"""The page of a run of the columns: with the frontier, and where it is in the last line."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.conformance.report import ConformanceReport
from asgi_liveness.page.model import Prose
from tools import blocks, page
from tools.bench import picture
from tools.comparison import ROOT

COMPARISON = ROOT / "results" / "comparison.json"
FRONTIER: dict[str, Any] = json.loads(page.FRONTIER.read_text())


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["page", *map(str, words)])
    return page.main()


def anchors(report: ConformanceReport) -> list[str]:
    return [section.anchor for section in page.page(report, FRONTIER).sections]


def test_the_frontier_stands_before_the_cases_of_a_comparison() -> None:
    report = blocks.recorded()
    found = anchors(report)
    assert found.index("frontier") + 1 == found.index("cases")
    (target, *_) = report.targets
    alone = replace(
        report,
        targets=(target,),
        windows=tuple(row for row in report.windows if row.target == target.target),
        cells=tuple(row for row in report.cells if row.target == target.target),
        handlers=tuple(row for row in report.handlers if row.target == target.target),
    )
    assert "cases" in anchors(alone)
    assert "frontier" not in anchors(alone)


def test_the_section_has_the_chart_and_says_that_it_is_a_record() -> None:
    found = page.section(FRONTIER).blocks
    assert picture.chart(FRONTIER) in found
    assert found[0] == Prose(picture.sentences(FRONTIER))
    assert found[-1] == Prose(page.RECORDED)


def test_the_last_line_opens_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, COMPARISON, tmp_path / "new" / "page.html") == 0
    assert capsys.readouterr().out == "open new/page.html\n"
    text = (tmp_path / "new" / "page.html").read_text()
    ways = [series.name for series in picture.chart(FRONTIER).series]
    assert len(re.findall(r'<g class="series ', text)) == len(ways) >= 4
    assert run(monkeypatch, COMPARISON, tmp_path / "new" / "page.html") == 0  # over its own


def test_the_page_has_the_symbols_of_the_picture(tmp_path: Path) -> None:
    page.write(COMPARISON, tmp_path / "page.html")
    one, other = (tmp_path / "page.html").read_text(), picture.picture(FRONTIER)
    pattern = r'<path class="mark"[^>]* d="([^"]+)"'
    found = re.findall(pattern, other)
    assert found
    assert re.findall(pattern, one) == found


def test_a_file_that_will_not_do_is_one_line_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.html"
    own.write_text("<p>mine")
    copy = tmp_path / "copy.json"
    copy.write_bytes(COMPARISON.read_bytes())
    for words in ((own, tmp_path / "p.html"), (COMPARISON, own), (copy, copy)):
        assert run(monkeypatch, *words) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("python -m tools.page: ")
    assert own.read_text() == "<p>mine"
    assert copy.read_bytes() == COMPARISON.read_bytes()
    assert not (tmp_path / "p.html").exists()
