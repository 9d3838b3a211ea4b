"""Fills the templates: one for each kind of block, each with what its drawing needs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from asgi_liveness.page import chart, drawn, flame, model
from asgi_liveness.page.differing import differing
from asgi_liveness.page.highlighted import highlighted
from asgi_liveness.page.scale import time_ticks
from asgi_liveness.page.signs import SIGNS, TONE_WORDS, SeriesSymbols
from asgi_liveness.page.texts import address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from asgi_liveness.page.timeline import Timeline

_STATUS: Final = 200
_LONG: Final = 32  # characters of a word that still fits a column
_MOST_STACKS: Final = 100  # in the text of a flame; the report has all
_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _cell_class(cell: model.TableCell) -> Markup:
    """Return the class of a cell: its tone, and whether it has words that must be broken."""
    tone = "" if cell.tone is model.Tone.PLAIN else cell.tone.value
    is_long = _is_long(cell.text) or _is_long(cell.detail)
    names = [name for name in (tone, "long" if is_long else "") if name]
    return Markup(' class="{}"').format(" ".join(names)) if names else Markup()


def _is_long(text: str) -> bool:
    return any(len(word) > _LONG for word in text.split())


_ENVIRONMENT.globals.update(
    signs=SIGNS,
    tone_words=TONE_WORDS,
    address=address,
    cell_class=_cell_class,
    is_long=_is_long,
    coded=re.compile(r"`([^`\n]+)`").split,
)


@dataclass
class Blocks:
    """The blocks of one page: what is numbered goes through all of them."""

    _symbols: SeriesSymbols = field(default_factory=SeriesSymbols)
    _ids: set[str] = field(default_factory=lambda: {"top", *(f"sign-{tone}" for tone in SIGNS)})
    _numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._more: Mapping[type, Callable[[Any], dict[str, Any]]] = {
            model.Table: _table,
            model.Lanes: self._lanes,
            model.Sources: _sources,
            model.Flame: _flame,
            model.Chart: self._chart,
        }

    def page(self, page: model.Page, style: str, script: str, policy: str) -> str:
        """Return the whole page. *style* and *script* are the kit's own files."""
        more = {"style": _ours(style), "script": _ours(script), "policy": policy}
        return self._filled("page", page=page, **more)

    def block(self, block: model.Block) -> Markup:
        """Return a block as markup."""
        kind = type(block)
        more = self._more.get(kind, lambda _: {})(block)
        return _ours(self._filled(kind.__name__.lower(), block=block, **more))

    def _filled(self, name: str, **more: Any) -> str:
        template = _ENVIRONMENT.get_template(f"{name}.html")
        return template.render(shown=self.block, place=self._place, number=self._number, **more)

    def _place(self, name: str) -> str:
        """Return *name* for the first element that has it as its address; none for others."""
        if name in self._ids:
            return ""
        self._ids.add(name)
        return name

    def _number(self, kind: str) -> int:
        """Return a number that no other block of this kind has."""
        self._numbers[kind] = self._numbers.get(kind, 0) + 1
        return self._numbers[kind]

    def _lanes(self, lanes: model.Lanes) -> dict[str, Any]:
        span = drawn.span(lanes)
        margin = max(1, span // 80)
        rows = [
            {
                "lane": row,
                "said": drawn.said(row),
                "track": _ours(drawn.track(row.timeline)) if row.timeline else "",
                "more": _more(row.timeline) if row.timeline else "",
            }
            for row in lanes.rows
        ]
        ticks = [
            tick._replace(at=(margin + tick.at * span) / (span + 2 * margin))
            for tick in time_ticks(span)
        ]
        timed = any(row.timeline for row in lanes.rows)
        return {
            "rows": rows,
            "timed": timed,
            "ticks": ticks if timed else [],
            "view_box": drawn.view_box(span),
        }

    def _chart(self, block: model.Chart) -> dict[str, Any]:
        return {
            "plot": chart.plot(block, self._symbols),
            "width": chart.WIDTH,
            "height": chart.HEIGHT,
            "left": chart.LEFT,
            "top": chart.TOP,
            "bottom": chart.BOTTOM,
        }


def _ours(text: str) -> Markup:
    """Return a text as markup: a file of the kit, a filled template, or paths made of numbers."""
    return Markup(text)  # noqa: S704 (each caller's text is the kit's own)


def _more(timeline: Timeline) -> str:
    """Return statuses and paths in the order of the drawing, where they say something."""
    if not timeline.statuses and not timeline.paths:
        return ""
    rows = sorted(drawn.probes(timeline), key=lambda probe: probe.due)
    found = {
        "statuses": [_at(timeline.statuses, probe.row, _STATUS) for probe in rows],
        "paths": [probe.row % len(timeline.paths) for probe in rows if timeline.paths],
        "names": timeline.paths,
    }
    return json.dumps(found, separators=(",", ":"))


def _at(values: Sequence[Any], row: int, otherwise: Any) -> Any:
    return values[row] if row < len(values) else otherwise


def _table(table: model.Table) -> dict[str, Any]:
    chosen = [column for column, name in enumerate(table.head) if name in table.filters]
    return {
        "filters": [
            {
                "column": column,
                "name": table.head[column],
                "values": list(
                    dict.fromkeys(row[column].text for row in table.rows if column < len(row))
                ),
            }
            for column in chosen
        ],
        "anchors": [*table.anchors, *[""] * len(table.rows)][: len(table.rows)],
    }


def _sources(sources: model.Sources) -> dict[str, Any]:
    alone = len(sources.columns) == 1
    found = [set()] if alone else differing([column.lines for column in sources.columns])
    return {
        "columns": [
            {
                "source": column,
                "rows": [
                    (column.first + row, line, row in differs)
                    for row, line in enumerate(highlighted(column.lines))
                ],
            }
            for column, differs in zip(sources.columns, found, strict=True)
        ]
    }


def _flame(block: model.Flame) -> dict[str, Any]:
    stacks = sorted(block.stacks, key=lambda stack: -stack.samples)
    return {"flame": flame.boxes(block.stacks), "stacks": stacks[:_MOST_STACKS]}
