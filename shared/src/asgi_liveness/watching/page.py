"""The page of a watch: when it stalled, and each culprit in its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.page.model import (
    Facts,
    Lane,
    Lanes,
    Page,
    Prose,
    Section,
    Table,
    TableCell,
    Tone,
)
from asgi_liveness.page.timeline import Timeline
from asgi_liveness.stalls.blocks import culprit_blocks, stack_blocks
from asgi_liveness.watching.screen import headline, lateness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asgi_liveness.page.model import Block
    from asgi_liveness.watching.report import CulpritRow, WatchReport

_TONES: Final = {"live": Tone.GOOD, "stalled": Tone.BAD, "starved": Tone.BAD}
_MOST_LANES: Final = 8  # culprits in the picture on top
_MILLISECONDS: Final = 1000  # in a second


def page(report: WatchReport) -> Page:
    """Return the page of a report."""
    rows = [(f"culprit-{number}", row) for number, row in enumerate(report.culprits, start=1)]
    return Page(
        title=f"Watch of {report.command}",
        sentence=_sentence(report),
        tone=_TONES[report.verdict],
        picture=_picture(report),
        sections=(
            *([Section("culprits", "Culprits", (_table(rows),))] if rows else []),
            *(_section(report, anchor, row) for anchor, row in rows),
            *_starved(report),
            *_rest(report),
        ),
        made=", ".join(f"{name} {value}" for name, value in report.system.items() if value),
    )


def _sentence(report: WatchReport) -> str:
    worst = next((row for row in report.culprits if row.culprit and row.is_finding), None)
    where = f" The line to blame most is {worst.where}." if worst else ""
    found = headline(report)
    return f"{found[0].upper()}{found[1:]}.{where}"


def _picture(report: WatchReport) -> Lanes | None:
    rows = [row for row in report.culprits if row.last][:_MOST_LANES]
    if not rows:
        return None
    lanes = tuple(
        Lane(row.where, "stalled", _tone(row), row.counted, _timeline(report, row)) for row in rows
    )
    return Lanes(lanes, "Each band is a stall of an event loop: nothing else ran in it.")


def _timeline(report: WatchReport, row: CulpritRow) -> Timeline:
    """Return the stalls of a row over the whole watch; a watch sends no probes."""
    length = round(report.watched_s * _MILLISECONDS)
    spans = [
        (began * _MILLISECONDS, (began + seconds) * _MILLISECONDS) for began, seconds in row.last
    ]
    stalls = tuple(
        (min(max(0, round(began)), length), min(max(0, round(ended)), length))
        for began, ended in spans
    )
    return Timeline(length, due=(), waits=(), stalls=stalls)


def _table(rows: list[tuple[str, CulpritRow]]) -> Table:
    cells = tuple(
        (
            TableCell(row.where, _tone(row), href=f"#{anchor}"),
            TableCell(str(row.stalls)),
            TableCell(f"{row.total_s:.1f} s"),
            TableCell(f"{row.longest_s:.1f} s"),
            TableCell(", ".join(row.requests)),
        )
        for anchor, row in rows
    )
    return Table(("where", "stalls", "total", "longest", "requests"), cells)


def _section(report: WatchReport, anchor: str, row: CulpritRow) -> Section:
    blocks: list[Block] = [Prose(row.counted)]
    if row.last:
        lane = Lane(row.where, "stalled", _tone(row), row.counted, _timeline(report, row))
        blocks.append(Lanes((lane,)))
    if row.culprit:
        blocks += culprit_blocks(row.culprit)
    if row.requests:
        blocks.append(
            Facts(tuple((name, f"{times} times") for name, times in row.requests.items()))
        )
    if row.advice:
        blocks.append(Prose(row.advice))
    blocks += stack_blocks(row.stacks)
    return Section(anchor, row.where, tuple(blocks), "stalled", _tone(row))


def _starved(report: WatchReport) -> Iterator[Section]:
    if report.starved:
        rows = tuple(
            (
                TableCell(each.pool, Tone.BAD),
                TableCell(f"{each.seconds:.1f} s"),
                TableCell(f"{each.there} of {each.threads}"),
                TableCell(each.where),
            )
            for each in report.starved
        )
        yield Section(
            "starved",
            "Full pools of threads",
            (Table(("pool", "full for", "threads there", "where"), rows),),
            "starved",
            Tone.BAD,
        )


def _rest(report: WatchReport) -> Iterator[Section]:
    late = lateness(report)
    said = [*([f"{late[0].upper()}{late[1:]}."] if late else []), *report.notes]
    if said:
        yield Section("rest", "The rest of the time", tuple(map(Prose, said)))


def _tone(row: CulpritRow) -> Tone:
    return Tone.BAD if row.is_finding else Tone.UNSURE
