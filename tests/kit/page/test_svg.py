"""Pictures in files: well-formed, light and dark, and the same drawing as in the page."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from asgi_liveness.foreign import every_text
from asgi_liveness.page import drawn
from asgi_liveness.page.chart import plot
from asgi_liveness.page.model import Chart, Lanes, Table
from asgi_liveness.page.signs import SeriesSymbols
from asgi_liveness.page.svg import chart_svg, matrix_svg, timeline_svg
from tests.kit.page.hostile import TEXTS
from tests.kit.page.made_up import chart, every_block, matrix, page

NAMESPACE = "{http://www.w3.org/2000/svg}"
LANES = next(block for block in every_block() if isinstance(block, Lanes))


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 (the text is our own)


def test_a_picture_of_lanes_says_the_same_in_words() -> None:
    found = parsed(timeline_svg(LANES, "A title"))
    assert found.findtext(f"{NAMESPACE}title") == "A title"
    words = found.findtext(f"{NAMESPACE}desc") or ""
    assert all(drawn.said(row) in words for row in LANES.rows)


def test_a_picture_of_lanes_has_the_paths_of_the_page() -> None:
    picture = timeline_svg(LANES, "A title")
    tracks = [drawn.track(row.timeline) for row in LANES.rows if row.timeline]
    assert tracks
    assert all(track in picture for track in tracks)


def test_the_legend_names_the_marks_that_there_are() -> None:
    lanes = page().picture
    assert lanes is not None
    assert "answered late" not in timeline_svg(lanes, "t")
    assert "answered late" in timeline_svg(LANES, "t")


def test_a_picture_of_a_table_has_a_shape_at_each_verdict() -> None:
    table = matrix()
    found = parsed(matrix_svg(table, "Cases"))
    signs = [row for row in found.iter() if (row.get("class") or "").startswith("sign")]
    assert len(signs) == len(table.rows)
    assert "failed (bad)" in (found.findtext(f"{NAMESPACE}desc") or "")


def test_a_picture_of_a_chart_is_the_drawing_of_the_page() -> None:
    picture = chart_svg(chart(), "Ways")
    lines = plot(chart(), SeriesSymbols()).lines
    for line in lines:
        assert f'd="{line.path}"' in picture
        assert picture.count(f'd="{line.symbol}"') == len(line.marks)
    said = parsed(picture).findtext(f"{NAMESPACE}desc") or ""
    assert all(point.words in said for row in chart().series for point in row.points)


def test_a_picture_of_a_chart_has_each_name_and_the_caption() -> None:
    block = Chart("x", "y", chart().series, "A caption of a few words. " * 9)
    words = [row.text for row in parsed(chart_svg(block, "Ways")).iter(f"{NAMESPACE}text")]
    assert {line.short for line in plot(block, SeriesSymbols()).lines} <= set(words)
    assert "".join(map(str, words)).count("caption") == 9


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_text_is_text_in_a_picture(name: str) -> None:
    text = TEXTS[name]
    lanes: Lanes = every_text(LANES, lambda *_: text)
    table: Table = every_text(matrix(9), lambda *_: text)
    harmless: Lanes = every_text(LANES, lambda *_: "x")
    points: Chart = every_text(chart(), lambda *_: text)
    pictures = timeline_svg(lanes, text), matrix_svg(table, text), chart_svg(points, text)
    for picture in pictures:
        picture.encode()
        assert not [row for row in parsed(picture).iter() if row.tag.endswith("script")]
    shape = [row.tag for row in parsed(timeline_svg(harmless, "x")).iter()]
    assert [row.tag for row in parsed(pictures[0]).iter()] == shape


@pytest.mark.parametrize(
    "picture", [timeline_svg(LANES, "t"), matrix_svg(matrix(), "t"), chart_svg(chart(), "t")]
)
def test_a_picture_is_light_and_dark_and_needs_no_other_file(picture: str) -> None:
    light, dark = re.split(r"@media \(prefers-color-scheme: dark\)", picture)
    used = set(re.findall(r"var\((--[\w-]+)\)", picture))
    assert used
    for name in used:
        assert f"{name}:" in light
        assert f"{name}:" in dark
    assert not re.search(r"(href|url\(|@import)", picture)
    root = re.sub(r'xmlns="[^"]+"', "", picture)
    assert "http" not in root
