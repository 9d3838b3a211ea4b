"""What a page shows, as data. Products make it from their reports; ``html.py`` renders it. Pure.

The rule: every text here is plain text. No product writes markup.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from asgi_liveness.page.timeline import Timeline


class Tone(StrEnum):
    """What a verdict means to the reader. Each has a colour, and a sign that needs no colour."""

    GOOD = "good"
    BAD = "bad"
    UNSURE = "unsure"
    PLAIN = "plain"


class TableCell(NamedTuple):
    """A cell of a table."""

    text: str
    tone: Tone = Tone.PLAIN
    detail: str = ""
    """More about it: under the pointer, and to screen readers."""
    href: str = ""
    """An address of the page (``#LIVE-002``), or of the web (``https://...``)."""


@dataclass(frozen=True)
class Prose:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class CommandLine:
    """A command to copy."""

    text: str


@dataclass(frozen=True)
class Links:
    """Addresses, each with its words: of this page, or of the web."""

    rows: tuple[tuple[str, str], ...]
    """Words and address."""


@dataclass(frozen=True)
class Facts:
    """Names with values."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells."""

    head: tuple[str, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    caption: str = ""
    filters: tuple[str, ...] = ()
    """The columns of *head* whose values can be chosen from."""
    anchors: tuple[str, ...] = ()
    """The address of each row within the page, without ``#``; empty where rows have none."""


class Lane(NamedTuple):
    """One window as a line of probes."""

    label: str
    word: str
    """The verdict, as ``live`` or ``FROZEN``."""
    tone: Tone
    note: str
    """The counts, as ``0 of 20 probes answered``."""
    timeline: Timeline | None
    """None where the report has none: an older one."""


@dataclass(frozen=True)
class Lanes:
    """Windows below each other, on one scale of time."""

    rows: tuple[Lane, ...]
    caption: str = ""


class Source(NamedTuple):
    """Lines of a file."""

    title: str
    """A framework's name, or where it is: ``app/report.py:12 in report()``."""
    first: int
    """The number of the first line."""
    lines: tuple[str, ...]
    marked: int = 0
    """The number of the line to blame; 0: none."""


@dataclass(frozen=True)
class Sources:
    """Sources next to each other. Where there are several, lines that differ are marked."""

    columns: tuple[Source, ...]


class Stack(NamedTuple):
    """Samples that show the same frames."""

    samples: int
    frames: tuple[str, ...]
    """From the outermost to the innermost, as ``app/report.py:12 in report()``."""


@dataclass(frozen=True)
class Flame:
    """Samples, merged from the outside in."""

    stacks: tuple[Stack, ...]
    caption: str = ""


class Point(NamedTuple):
    """A point of a chart."""

    x: float
    y: float
    words: str
    """Its numbers, under the pointer."""
    label: str = ""
    """A number that stands at the point, where there is room."""


class Series(NamedTuple):
    """Points with one name, which stands at the line."""

    name: str
    points: tuple[Point, ...]
    emphasis: bool = False
    """Whether it is one of those that the chart is about."""


@dataclass(frozen=True)
class Chart:
    """Points over two logarithmic or linear axes."""

    x_label: str
    y_label: str
    series: tuple[Series, ...]
    caption: str = ""
    y_is_log: bool = True
    x_is_log: bool = False


@dataclass(frozen=True)
class Fold:
    """Blocks that are shown when somebody asks for them."""

    title: str
    blocks: tuple[Block, ...]
    anchor: str = ""
    """Its address within the page; a link to it unfolds it."""


Block = Prose | CommandLine | Links | Facts | Table | Lanes | Sources | Flame | Chart | Fold


@dataclass(frozen=True)
class Section:
    """A part of a page, with a heading and an address."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]
    word: str = ""
    """A verdict next to the heading."""
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True)
class Page:
    """A whole page."""

    title: str
    sentence: str
    """What the report says, in one sentence."""
    tone: Tone
    sections: tuple[Section, ...]
    picture: Lanes | None = None
    """The windows that the sentence rests on."""
    made: str = ""
    """Versions and machine, in a line at the end."""
