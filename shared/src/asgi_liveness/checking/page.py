"""The page of a check: its windows as timelines, and each culprit in its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.checking import render
from asgi_liveness.checking.report import Verdict
from asgi_liveness.page.model import (
    CommandLine,
    Lane,
    Lanes,
    Page,
    Prose,
    Section,
    Table,
    TableCell,
    Tone,
)
from asgi_liveness.stalls import quote
from asgi_liveness.stalls.blocks import culprit_blocks, stack_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asgi_liveness.checking.report import Report, WindowReport
    from asgi_liveness.page.model import Block

_TONES: Final = {
    Verdict.LIVE: Tone.GOOD,
    Verdict.INCONCLUSIVE: Tone.UNSURE,
    Verdict.NOT_CHECKED: Tone.UNSURE,
}
"""Any other verdict is a finding."""
_MOST_LANES: Final = 12  # windows in the picture on top, the worst


def page(report: Report) -> Page:
    """Return the page of a report."""
    routes = [(f"window-{number}", route) for number, route in enumerate(report.routes, start=1)]
    order = list(Verdict)
    worst = sorted(routes, key=lambda row: order.index(row[1].verdict))
    shown = {anchor for anchor, _ in worst[:_MOST_LANES]}
    return Page(
        title=f"Check of {report.target}",
        sentence=_sentence(report),
        tone=_tone(report.verdict),
        picture=Lanes(
            tuple(_lane(report, route) for anchor, route in routes if anchor in shown),
            f"Each mark is a probe: {report.probe}, every {render.duration(report.interval_s)}.",
        ),
        sections=(
            *(_section(report, anchor, route) for anchor, route in worst),
            *_untried(report),
            Section("again", "Run it again", (CommandLine(report.again), *_notes(report))),
        ),
        made=" · ".join(
            [
                *(text for text in (report.server, _versions(report)) if text),
                f"limit of a stall {render.duration(report.max_stall_s)}",
            ]
        ),
    )


def _sentence(report: Report) -> str:
    """Return the headline, and the line to blame for the first stall."""
    blamed = next((route.culprit for route in report.routes if route.culprit), None)
    where = f" The line to blame is {quote.frame(blamed)}." if blamed else ""
    return f"{render.headline(report)}{where}"


def _tone(verdict: Verdict) -> Tone:
    return _TONES.get(verdict, Tone.BAD)


def _lane(report: Report, route: WindowReport) -> Lane:
    return Lane(
        label=render.name(route),
        word=str(route.verdict),
        tone=_tone(route.verdict),
        note=render.fact(report, route),
        timeline=route.timeline,
    )


def _section(report: Report, anchor: str, route: WindowReport) -> Section:
    blocks: list[Block] = [Lanes((_lane(report, route),))]
    blocks += [Prose(note) for note in (route.because, *route.notes) if note]
    if route.culprit:
        blocks += culprit_blocks(route.culprit)
    if route.advice:
        blocks.append(Prose(route.advice))
    blocks += stack_blocks(route.stacks)
    return Section(
        anchor=anchor,
        title=route.during or "The idle app",
        blocks=tuple(blocks),
        word=str(route.verdict),
        tone=_tone(route.verdict),
    )


def _untried(report: Report) -> Iterator[Section]:
    if report.untried:
        rows = tuple(
            (TableCell(row.method), TableCell(row.path), TableCell(row.why), TableCell(row.command))
            for row in report.untried
        )
        table = Table(("method", "path", "why", "how to try it"), rows)
        yield Section("untried", "Routes that were not tried", (table,))


def _notes(report: Report) -> tuple[Prose, ...]:
    return tuple(Prose(note) for note in report.notes)


def _versions(report: Report) -> str:
    return ", ".join(f"{name} {value}" for name, value in report.system.items() if value)
