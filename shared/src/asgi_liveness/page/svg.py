"""Pictures in files of their own, light and dark in one: lanes of probes, a table, a chart.

The rule: a picture is well-formed XML whatever the texts are, and needs no other file.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from asgi_liveness.foreign import cut, xml
from asgi_liveness.page import chart as layout
from asgi_liveness.page import drawn
from asgi_liveness.page.model import Lane, Lanes, Table, Tone
from asgi_liveness.page.scale import time_ticks
from asgi_liveness.page.signs import SIGNS, TONE_WORDS, SeriesSymbols
from asgi_liveness.page.texts import cleaned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asgi_liveness.page.chart import DrawnLine, Plot
    from asgi_liveness.page.model import Chart, TableCell
    from asgi_liveness.page.timeline import Timeline

_WIDTH: Final = 880
_EDGE: Final = 20
_CHARACTER: Final = 8.2  # units of a wide character of 14 units
_ROW: Final = 27
_LONGEST: Final = 40  # characters of a cell
_MOST_ROWS: Final = 60  # of a table: more is no picture
_WRAPPED: Final = 132  # characters of a line of a chart's caption
_STYLE: Final = """
svg { --paper: #fff; --ink: #1c2128; --soft: #57606a; --line: #d4d9e0; --good: #1a7f37;
  --bad: #c11f2d; --unsure: #8a5a00; --late: #b35900; --stall: #fbdfe2; --stall-edge: #d9808a;
  --steps: #9db8d6; --quiet: #7d8793; --c1: #0a58b5; --c2: #7b3fb5; --c3: #0b7285;
  --c4: #8a5a00; --c5: #1a7f37; --c6: #c11f2d }
@media (prefers-color-scheme: dark) {
  svg { --paper: #14171c; --ink: #e6e9ee; --soft: #a3adb9; --line: #3a424d; --good: #4ac26b;
    --bad: #ff7b72; --unsure: #e3b341; --late: #f0a04b; --stall: #4b1d22; --stall-edge: #a8525a;
    --steps: #48688c; --quiet: #848e9b; --c1: #79b8ff; --c2: #c9a0f5; --c3: #66d9e8;
    --c4: #e3b341; --c5: #4ac26b; --c6: #ff7b72 }
}
text { font: 14px system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif; fill: var(--ink) }
.paper { fill: var(--paper) } .strong { font-weight: 650 }
.soft { font-size: 12px; fill: var(--soft) } .middle { text-anchor: middle }
.title { font-size: 17px; font-weight: 650 } .rule { stroke: var(--line) }
.sign { fill: none; stroke-width: 2.4; stroke-linecap: round; stroke-linejoin: round }
.sign.good { stroke: var(--good) } .sign.bad { stroke: var(--bad) }
.sign.unsure { stroke: var(--unsure) }
.end { text-anchor: end } .path { fill: none; stroke-width: 2.5px; stroke-linejoin: round }
.mark { stroke-width: 3px; paint-order: stroke }
.hollow { stroke-width: 1.5px; paint-order: normal }
.name { font-size: 13px; font-weight: 600 } text.quiet { font-size: 13px; fill: var(--soft) }
path.quiet { stroke-width: 1.5px }
.label { font-size: 11px; fill: var(--soft) }
.c1 { fill: var(--c1) } .c2 { fill: var(--c2) } .c3 { fill: var(--c3) }
.c4 { fill: var(--c4) } .c5 { fill: var(--c5) } .c6 { fill: var(--c6) }
text.good { fill: var(--good) } text.bad { fill: var(--bad) } text.unsure { fill: var(--unsure) }
"""
_LEGEND: Final = (
    ("ok", "M8 0v16", "answered in time"),
    ("late", "M0 16L16 0", "answered late, from due to answer"),
    ("no", "M8 12h0", "not answered"),
    ("stall", "M0 0h16v16h-16z", "the loop was silent"),
    ("steps", "M0 16v-8h6v-5h5v9h5v4z", "steps of the loop"),
)


def timeline_svg(lanes: Lanes, title: str) -> str:
    """Return lanes of probes as a file of SVG."""
    lanes = cleaned(Lanes(lanes.rows, title))
    span = drawn.span(lanes)
    y = 64.0
    parts = []
    for row in lanes.rows:
        parts += [*_named(row, y), *_track(row.timeline, span, y + 10)]
        y += drawn.HEIGHT + 46
    parts += _axis(span, y - 20)
    y += 26
    parts += _legend((row.timeline for row in lanes.rows if row.timeline), y)
    return _file(lanes.caption, "; ".join(map(drawn.said, lanes.rows)), _WIDTH, y + 28, parts)


def _named(lane: Lane, y: float) -> list[str]:
    """Return the name of a lane, its verdict and its note, in a line."""
    x = _EDGE
    label = cut(lane.label, _LONGEST)
    parts = [_text(x, y, label, "strong")]
    word_x = x + len(label) * _CHARACTER + 14
    if lane.word:
        parts += [
            *_sign(lane.tone, word_x, y - 12),
            _text(word_x + 20, y, lane.word, f"strong {lane.tone}"),
        ]
    parts.append(_text(_WIDTH - _EDGE, y, cut(lane.note, 2 * _LONGEST), "soft", end=True))
    return parts


def _track(timeline: Timeline | None, span: int, y: float) -> list[str]:
    if timeline is None:
        return [_text(_EDGE, y + 18, "The report has no timeline of it.", "soft")]
    place = f'x="{_EDGE}" y="{y}" width="{_WIDTH - 2 * _EDGE}" height="{drawn.HEIGHT}"'
    view = f'viewBox="{drawn.view_box(span)}" preserveAspectRatio="none"'
    return [f"<svg {place} {view}>{drawn.track(timeline)}</svg>"]


def _axis(span: int, y: float) -> list[str]:
    margin = max(1, span // 80)
    wide = (_WIDTH - 2 * _EDGE) / (span + 2 * margin)
    return [
        _text(_EDGE + (margin + tick.at * span) * wide, y, tick.words, "soft middle")
        for tick in time_ticks(span)
    ]


def _legend(timelines: Iterable[Timeline], y: float) -> list[str]:
    """Return what the marks mean, of those that there are."""
    drawing = "".join(map(drawn.track, timelines))
    x, parts = float(_EDGE), []
    for kind, path, words in _LEGEND:
        if f'class="{kind}"' in drawing:
            mark = f'<path class="{kind}" d="{path}" transform="translate({x:.0f} {y - 12})"/>'
            parts += [mark, _text(x + 24, y, words, "soft")]
            x += 44 + len(words) * 6.6
    return parts


def matrix_svg(table: Table, title: str) -> str:
    """Return a table as a file of SVG, with a sign at each verdict."""
    table = cleaned(Table(table.head, table.rows[:_MOST_ROWS], title))
    rows = [[cut(cell.text, _LONGEST) for cell in row] for row in table.rows]
    head = [cut(name, _LONGEST) for name in table.head]
    columns = [
        max(len(row[column]) if column < len(row) else 0 for row in (head, *rows))
        for column in range(len(head))
    ]
    starts = [_EDGE + sum(columns[:row]) * _CHARACTER + row * 40 for row in range(len(head))]
    width = _EDGE * 2 + sum(columns) * _CHARACTER + len(head) * 40
    y = 66.0
    parts = [_text(x, y, name, "soft") for x, name in zip(starts, head, strict=True)]
    for cells, texts in zip(table.rows, rows, strict=True):
        parts.append(f'<path class="rule" d="M{_EDGE} {y + 9}H{width - _EDGE:.0f}"/>')
        y += _ROW
        for x, cell, text in zip(starts, cells, texts, strict=False):
            parts += _cell(cell, text, x, y)
    said = "; ".join(" ".join(filter(None, map(_said, row))) for row in table.rows)
    return _file(table.caption, said, max(width, 400), y + 24, parts)


def _cell(cell: TableCell, text: str, x: float, y: float) -> list[str]:
    if cell.tone is Tone.PLAIN:
        return [_text(x, y, text, "")]
    return [*_sign(cell.tone, x, y - 12), _text(x + 20, y, text, cell.tone.value)]


def _said(cell: TableCell) -> str:
    word = TONE_WORDS.get(cell.tone, "")
    return f"{cell.text} ({word})" if word else cell.text


def chart_svg(chart: Chart, title: str) -> str:
    """Return a chart as a file of SVG: the drawing of the page, with its caption below."""
    chart = cleaned(chart)
    plot = layout.plot(chart, SeriesSymbols())
    across, down = _EDGE - 10, 44
    parts = [f'<g transform="translate({across} {down})">', *_grid(chart, plot)]
    for line in plot.lines:
        parts += _series(line)
    parts += [*(_text(row.x, row.y, row.words, "label") for row in plot.labels), "</g>"]
    y = down + layout.HEIGHT + 12
    for words in textwrap.wrap(chart.caption, _WRAPPED):
        parts.append(_text(_EDGE, y, words, "soft"))
        y += 18
    said = [f"{row.name}: {point.words}" for row in chart.series for point in row.points]
    return _file(title, "; ".join(said), _WIDTH, y + 4, parts)


def _grid(chart: Chart, plot: Plot) -> list[str]:
    """Return the axes with their numbers and names."""
    left, top, bottom = layout.LEFT, layout.TOP, layout.BOTTOM
    parts = []
    for tick in plot.y_ticks:
        parts.append(f'<path class="rule" d="M{left} {tick.at}H{plot.right}"/>')
        parts.append(_text(left - 8, tick.at + 4, tick.words, "soft end"))
    for tick in plot.x_ticks:
        parts.append(f'<path class="rule" d="M{tick.at} {top}V{bottom}"/>')
        parts.append(_text(tick.at, bottom + 18, tick.words, "soft middle"))
    parts.append(_text(left, bottom + 42, chart.x_label, "soft"))
    turned = f'<g transform="translate(16 {bottom}) rotate(-90)">'
    return [*parts, turned, _text(0, 0, chart.y_label, "soft"), "</g>"]


def _series(line: DrawnLine) -> list[str]:
    """Return a line, its points, and its name."""
    colour = f"var(--c{line.colour})" if line.colour else "var(--quiet)"
    fill, edge = ("var(--paper)", colour) if line.is_hollow else (colour, "var(--paper)")
    kind = "mark hollow" if line.is_hollow else "mark"
    drawn_as = f'class="{kind}" style="fill: {fill}; stroke: {edge}" d="{line.symbol}"'
    marks = [
        f'<path {drawn_as} transform="translate({mark.x} {mark.y})">'
        f"<title>{escape(xml(f'{line.name}: {mark.words}'))}</title></path>"
        for mark in line.marks
    ]
    drawn_line = "path" if line.colour else "path quiet"
    path = f'<path class="{drawn_line}" style="stroke: {colour}" d="{line.path}"/>'
    words = f"name c{line.colour}" if line.colour else "quiet"
    return [path, *marks, _text(line.name_x, line.name_y, line.short, words)]


def _sign(tone: Tone, x: float, y: float) -> list[str]:
    if tone not in SIGNS:
        return []
    place = f'transform="translate({x:.1f} {y:.1f})"'
    return [f'<path class="sign {tone.value}" d="{SIGNS[tone]}" {place}/>']


def _text(x: float, y: float, text: str, kind: str, *, end: bool = False) -> str:
    anchor = ' text-anchor="end"' if end else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}"{anchor}>{escape(xml(text))}</text>'


def _file(title: str, said: str, width: float, height: float, parts: Iterable[str]) -> str:
    lanes = Path(__file__).with_name("lanes.css").read_text()
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    names = 'role="img" aria-labelledby="title desc"'
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" data-made-by="asgi-liveness" {size} {names}>',
            f'<title id="title">{escape(xml(title))}</title>',
            f'<desc id="desc">{escape(xml(said))}</desc>',
            f"<style>{_STYLE}{lanes}</style>",
            '<rect class="paper" width="100%" height="100%" rx="8"/>',
            _text(_EDGE, 32, cut(title, 2 * _LONGEST), "title"),
            *parts,
            "</svg>\n",
        )
    )
