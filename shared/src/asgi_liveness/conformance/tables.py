"""The tables on the page of a run: remedies by promises, known differences, and every case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance import matrix, render
from asgi_liveness.conformance.cases import CASES
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.promises import PROMISES, REMEDIES
from asgi_liveness.conformance.topics import CHOICES
from asgi_liveness.page.model import Fold, Prose, Section, Table, TableCell, Tone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asgi_liveness.conformance.report import CellRow, ConformanceReport

_TONES: Final = {
    Outcome.PASSED: Tone.GOOD,
    Outcome.RECORDED: Tone.PLAIN,
    Outcome.NOT_APPLICABLE: Tone.PLAIN,
    Outcome.DIFFERS: Tone.PLAIN,
    Outcome.INCONCLUSIVE: Tone.UNSURE,
}
"""Any other outcome is a failure."""
_KEPT: Final = {
    "yes": Tone.GOOD,
    "no": Tone.BAD,
    "NO": Tone.BAD,
    "hangs": Tone.BAD,
    "error": Tone.BAD,
    "?": Tone.UNSURE,
}
"""The tones of the matrix's words; a figure has none."""


def matrix_section(report: ConformanceReport) -> Iterator[Section]:
    """Yield remedies by promises: a row for each remedy, target and server."""
    found = matrix.rows(report)
    if not found:
        return
    words = {row.name: row.text for row in PROMISES}
    does = {row.path: row.does.replace("`", "") for row in REMEDIES}
    names = [name for name, _ in found[0].cells]
    table = Table(
        head=("remedy", "framework", "server", *names),
        rows=tuple(
            (
                TableCell(row.remedy, detail=does[row.remedy]),
                TableCell(row.title),
                TableCell(row.server),
                *(_kept(cell, word) for _, (cell, word) in row.cells),
            )
            for row in found
        ),
        caption="Which remedy keeps which promise",
        filters=("remedy", "framework", "server"),
    )
    promises = tuple(Prose(f"{name}: {words[name]}") for name in names)
    legend = Fold("What the columns promise", promises)
    yield Section("matrix", "Remedies by promises", (table, legend))


def _kept(cell: CellRow | None, word: str) -> TableCell:
    if cell is None:
        return TableCell(word)
    return TableCell(word, _KEPT.get(word, Tone.PLAIN), href=f"#{cell.case}")


def _tone_of(cell: CellRow) -> Tone:
    return _TONES.get(Outcome(cell.verdict), Tone.BAD)


def _detail(cell: CellRow) -> str:
    figures = ", ".join(
        f"{name}: {'never' if value is None else f'{value:.3g}'}"
        for name, value in cell.measured.items()
    )
    return ". ".join(part for part in (f"{cell.case} {cell.slug}", cell.message, figures) if part)


def decisions(report: ConformanceReport) -> Iterator[Section]:
    """Yield which remedy fits which loop, if remedies were tried."""
    if any(cell.remedy for cell in report.cells):
        rows = tuple((TableCell(f"{loop}"), TableCell(remedy)) for loop, remedy in CHOICES.items())
        table = Table(("a loop that", "take"), rows)
        yield Section("decisions", "Which remedy for which loop", (table,))


def differences(report: ConformanceReport) -> Iterator[Section]:
    """Yield the known differences, each with the cells that it explains."""
    found: dict[tuple[str, str], list[CellRow]] = {}
    for cell in report.cells:
        if cell.verdict == Outcome.DIFFERS:
            found.setdefault((cell.message, cell.link), []).append(cell)
    if not found:
        return
    rows = tuple(
        (
            TableCell(reason, href=link),
            TableCell(", ".join(dict.fromkeys(cell.case for cell in cells))),
            TableCell(
                ", ".join(
                    dict.fromkeys(
                        f"{report.titles[cell.target]} on {cell.server}" for cell in cells
                    )
                )
            ),
        )
        for (reason, link), cells in found.items()
    )
    table = Table(("why, with its source", "cases", "where"), rows)
    yield Section("differences", "Known differences", (table,))


def cases(report: ConformanceReport) -> Section:
    """Return every cell, with the address of each case at its first row."""
    names = {case.id: case.name for case in CASES}
    seen: set[str] = set()
    anchors = []
    for cell in report.cells:
        anchors.append("" if cell.case in seen else cell.case)
        seen.add(cell.case)
    rows = tuple(
        (
            TableCell(names.get(cell.case, cell.case), href=f"#{cell.case}"),
            TableCell(report.titles[cell.target]),
            TableCell(cell.server),
            TableCell(cell.promise or "live"),
            TableCell(cell.verdict, _tone_of(cell), _detail(cell)),
        )
        for cell in report.cells
    )
    table = Table(
        head=("case", "framework", "server", "promise", "outcome"),
        rows=rows,
        caption=render.counted(report),
        filters=("framework", "server", "promise", "outcome"),
        anchors=tuple(anchors),
    )
    return Section("cases", "Every case", (table,))
