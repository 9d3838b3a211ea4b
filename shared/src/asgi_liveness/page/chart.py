"""Lays out a chart: axes, lines, points, and each name at its line. Pure."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

from asgi_liveness.foreign import cut
from asgi_liveness.page.scale import Axis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asgi_liveness.page.model import Chart, Series
    from asgi_liveness.page.signs import SeriesSymbols

WIDTH: Final = 860
HEIGHT: Final = 430
LEFT: Final = 72
TOP: Final = 18
BOTTOM: Final = 372
"""The edges of the plot; the right edge leaves room for the names."""
_LONGEST: Final = 26  # characters of a name at its line; the table has the whole
_CHARACTER: Final = 7.6  # units of a wide character of the names
_LINE: Final = 17.0  # units from one name to the next
_DIGIT: Final = 6.6  # units of a character of the labels
_PIECE: Final = 6.0  # units between two areas of a line: less than a label is high
_LABEL: Final = 12.0  # units that a label is high


class Mark(NamedTuple):
    """A point of a chart where it is drawn."""

    x: float
    y: float
    words: str
    label: str = ""


class DrawnLine(NamedTuple):
    """A series where it is drawn."""

    name: str
    short: str
    path: str
    symbol: str
    is_hollow: bool
    colour: int
    """The number of its colour; 0: it is a quiet one."""
    marks: list[Mark]
    end: Mark
    name_x: float
    name_y: float


class Area(NamedTuple):
    """A part of the chart that has something in it."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Area) -> bool:
        """Return whether the two share a spot."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


class PlacedTick(NamedTuple):
    """A number of an axis where it is drawn."""

    at: float
    words: str


class PlacedLabel(NamedTuple):
    """The label of a point where it is drawn."""

    x: float
    y: float
    words: str
    """Empty where there is no room: a page has the same elements whatever its texts are."""


class Plot(NamedTuple):
    """A chart, ready to draw."""

    right: float
    x_ticks: list[PlacedTick]
    y_ticks: list[PlacedTick]
    lines: list[DrawnLine]
    labels: list[PlacedLabel]
    left_out: int
    """Points that the axes cannot show, such as 0 on a logarithmic one."""


def plot(chart: Chart, symbols: SeriesSymbols) -> Plot:
    """Return the layout of *chart*."""
    longest = max((len(cut(row.name, _LONGEST)) for row in chart.series), default=0)
    right = WIDTH - 30 - longest * _CHARACTER
    points = [point for row in chart.series for point in row.points]
    x_axis = Axis([point.x for point in points], is_log=chart.x_is_log)
    y_axis = Axis([point.y for point in points], is_log=chart.y_is_log)

    def across(at: float) -> float:
        return round(LEFT + at * (right - LEFT), 1)

    def down(at: float) -> float:
        return round(BOTTOM - at * (BOTTOM - TOP), 1)

    lines: list[DrawnLine] = []
    left_out = colour = 0
    for row in chart.series:
        marks = [
            Mark(
                across(x_axis.place(point.x)), down(y_axis.place(point.y)), point.words, point.label
            )
            for point in row.points
            if x_axis.has(point.x) and y_axis.has(point.y)
        ]
        left_out += len(row.points) - len(marks)
        colour += row.emphasis
        if marks:
            lines.append(_line(row, marks, symbols, colour if row.emphasis else 0))
    lines, taken = _named(lines)
    return Plot(
        right=right,
        x_ticks=[PlacedTick(across(tick.at), tick.words) for tick in x_axis.ticks()],
        y_ticks=[PlacedTick(down(tick.at), tick.words) for tick in y_axis.ticks()],
        lines=lines,
        labels=_labels(lines, taken),
        left_out=left_out,
    )


def _line(series: Series, marks: list[Mark], symbols: SeriesSymbols, colour: int) -> DrawnLine:
    return DrawnLine(
        name=series.name,
        short=cut(series.name, _LONGEST),
        path="M" + "L".join(f"{mark.x:g} {mark.y:g}" for mark in marks),
        symbol=symbols.path(series.name),
        is_hollow=symbols.is_hollow(series.name),
        colour=(colour - 1) % 6 + 1 if colour else 0,
        marks=marks,
        end=max(marks, key=lambda mark: mark.x),
        name_x=0.0,
        name_y=0.0,
    )


def _named(lines: list[DrawnLine]) -> tuple[list[DrawnLine], list[Area]]:
    """Return *lines* with their names, and the areas that are taken now.

    Quiet lines come first: they are drawn below the others.

    A name stands right at its line where there is room, else at the right edge.
    """
    taken = [_around(mark) for line in lines for mark in line.marks]
    taken += [area for line in lines for area in _along(line.marks)]
    placed = []
    for line in sorted(lines, key=lambda line: line.colour == 0):  # the chart is about these first
        found = next(row for row in _places(line) if not any(map(row.meets, taken)))
        taken.append(found)
        placed.append(line._replace(name_x=found.left, name_y=found.top + _LINE - 4))
    return sorted(placed, key=lambda line: line.colour > 0), taken


def _places(line: DrawnLine) -> Iterator[Area]:
    """Yield the areas that the name may have, the best first."""
    width = len(line.short) * _CHARACTER
    for mark in (line.end, *reversed(line.marks)):
        for x, y in ((mark.x + 9, mark.y), (mark.x - width - 9, mark.y)):
            for down in (0, -14, 14):
                top = y + down - _LINE / 2
                if x > LEFT + 2 and top > 0:
                    yield Area(x, top, x + width, top + _LINE)
    for row in itertools.count():
        top = TOP + row * _LINE
        yield Area(WIDTH - width, top, WIDTH, top + _LINE)


def _labels(lines: list[DrawnLine], taken: list[Area]) -> list[PlacedLabel]:
    """Return the labels of all points; *taken* gets the areas of those that have room."""
    found = []
    for mark in (mark for line in lines for mark in line.marks if mark.label):
        free = (
            area
            for area in _spots(mark)
            if area.left > LEFT and area.bottom < BOTTOM and not any(map(area.meets, taken))
        )
        if area := next(free, None):
            taken.append(area)
            found.append(PlacedLabel(round(area.left, 1), round(area.bottom - 2, 1), mark.label))
        else:
            found.append(PlacedLabel(mark.x, mark.y, ""))
    return found


def _spots(mark: Mark) -> Iterator[Area]:
    """Yield the areas that a label may have: at a side of the point, else at a corner."""
    width = len(mark.label) * _DIGIT
    right, left, across = mark.x + 8, mark.x - 8 - width, mark.x - width / 2
    below, above, level = mark.y + 7, mark.y - 7 - _LABEL, mark.y - _LABEL / 2
    sides = (right, level), (left, level), (across, below), (across, above)
    corners = (right, below), (left, below), (right, above), (left, above)
    for x, y in sides + corners:
        yield Area(x, y, x + width, y + _LABEL)


def _along(marks: list[Mark]) -> Iterator[Area]:
    """Yield small areas that cover the line through *marks*."""
    for one, other in itertools.pairwise(marks):
        pieces = int(max(abs(other.x - one.x), abs(other.y - one.y)) // _PIECE) + 1
        for row in range(pieces + 1):
            x = one.x + (other.x - one.x) * row / pieces
            y = one.y + (other.y - one.y) * row / pieces
            yield Area(x - 1, y - 1, x + 1, y + 1)


def _around(mark: Mark) -> Area:
    return Area(mark.x - 5, mark.y - 5, mark.x + 5, mark.y + 5)
