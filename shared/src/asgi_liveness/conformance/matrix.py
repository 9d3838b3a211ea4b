"""Remedies by promises, from a report: every cell for a terminal, the short form in Markdown."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.promises import PROMISES, REMEDIES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asgi_liveness.conformance.report import CellRow, ConformanceReport

_WORDS: Final = {
    Outcome.PASSED: "yes",
    Outcome.FAILED: "NO",
    Outcome.DIFFERS: "no",
    Outcome.INCONCLUSIVE: "?",
    Outcome.NOT_APPLICABLE: "-",
    Outcome.ERROR: "error",
}
_WIDTH: Final = 9  # columns
_NEVER: Final = "hangs"
_ONLY: Final = {row.name: row.only for row in PROMISES if row.only}

SubjectName = tuple[str, str]
"""A target and a server."""


class MatrixRow(NamedTuple):
    """What one remedy keeps on one target and server."""

    remedy: str
    """Its path."""
    title: str
    """The name of the target."""
    server: str
    cells: tuple[tuple[str, tuple[CellRow | None, str]], ...]
    """By promise: the cell, and its word or figure."""


def rows(report: ConformanceReport) -> list[MatrixRow]:
    """Return a row for each target, remedy and server; none where no promise was judged."""
    cells = {(c.target, c.server, c.remedy, c.promise): c for c in _cells(report)}
    shown = [row.name for row in PROMISES if any(row.name == key[3] for key in cells)]
    return [
        MatrixRow(
            remedy.path,
            title,
            server,
            tuple(
                (
                    name,
                    (
                        cell := cells.get((target, server, remedy.name, name)),
                        _word(cell) if cell else _unjudged(remedy.name, name),
                    ),
                )
                for name in shown
            ),
        )
        for target, title in report.titles.items()
        for remedy in REMEDIES
        if any(remedy.name == key[2] for key in cells)
        for server in report.servers
    ]


def text(report: ConformanceReport) -> list[str]:
    """Return every cell: a block for each target, with a line for each remedy and server.

    Empty where no promise was judged.
    """
    lines: list[str] = []
    for title, block in itertools.groupby(rows(report), key=lambda row: row.title):
        for number, row in enumerate(block):
            if number == 0:
                names = "".join(name.ljust(_WIDTH) for name, _ in row.cells)
                lines.append(f"{f'kept by {title}':<31}{names}".rstrip())
            words = "".join(word.ljust(_WIDTH) for _, (_, word) in row.cells)
            lines.append(f"  {row.remedy:<13}{row.server:<16}{words}".rstrip())
        lines.append("")
    if not lines:
        return []
    shown = lines[0].split()
    lines.append("gil: the p99 of a probe's wait while eight run, as a multiple of the idle app's")
    lines.append("speed: iterations a second, as a fraction of the bare loop's")
    if "defaults" in shown:
        lines.append(
            "defaults: seconds until every process has ended, with the server's own settings"
        )
        lines.append("and the slower of SIGTERM and Ctrl+C")
    lines.append(
        "no: a known difference; NO: a failure; all promises: asgi-liveness explain promises"
    )
    return lines


def _cells(report: ConformanceReport) -> list[CellRow]:
    """Return the cells of the comparison, without remedies that no target has."""
    present = {
        c.remedy
        for c in report.cells
        if c.promise not in ("", "live") and c.verdict != Outcome.NOT_APPLICABLE
    }
    return [c for c in report.cells if c.promise and c.remedy in present]


def _unjudged(remedy: str, promise: str) -> str:
    """Return the word of a cell without a case: a remedy may lack a promise by its nature."""
    return "no" if _ONLY.get(promise, remedy) != remedy else "-"


def _word(cell: CellRow) -> str:
    """Return the word or the figure of one cell."""
    figures = cell.measured
    if cell.promise == "defaults" and figures:
        worst = [figure for figure in figures.values() if figure is not None]
        return f"{max(worst):.1f} s" if len(worst) == len(figures) else _NEVER
    if (ratio := figures.get("ratio")) is not None and cell.verdict != Outcome.FAILED:
        return f"x{ratio:.0f}" if cell.promise == "gil" else f"{ratio:.2f}"
    return _WORDS.get(Outcome(cell.verdict), "-")


def markdown(report: ConformanceReport) -> list[str]:
    """Return the short form: one table, in which a cell says where targets or servers differ."""
    by_cell: dict[tuple[str, str], dict[SubjectName, CellRow]] = defaultdict(dict)
    for cell in _cells(report):
        by_cell[cell.remedy, cell.promise][cell.target, cell.server] = cell
    if not by_cell:
        return []
    names = [row.name for row in PROMISES]
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for remedy in REMEDIES:
        found = (
            _short(report, cells)
            if (cells := by_cell.get((remedy.name, name), {}))
            else _bold(_unjudged(remedy.name, name))
            for name in names
        )
        lines.append(f"| `{remedy.path}` | {' | '.join(found)} |")
    return lines


def _short(report: ConformanceReport, cells: dict[SubjectName, CellRow]) -> str:
    ratios = [ratio for c in cells.values() if (ratio := c.measured.get("ratio")) is not None]
    if ratios:
        sign, digits = ("×", 0) if next(iter(cells.values())).promise == "gil" else ("", 2)
        low, high = (f"{sign}{figure:.{digits}f}" for figure in (min(ratios), max(ratios)))
        return low if low == high else f"{low} to {high}"
    by_word: dict[str, list[SubjectName]] = defaultdict(list)
    for subject, cell in cells.items():
        by_word[_markdown_word(cell)].append(subject)
    if len(by_word) <= 1:
        return next(iter(by_word), "-")
    return "; ".join(f"{word}: {_where(report, subjects)}" for word, subjects in by_word.items())


def _markdown_word(cell: CellRow) -> str:
    if cell.promise == "defaults":
        return "**hangs**" if _word(cell) == _NEVER else "ends"
    return _bold(_word(cell))


def _bold(word: str) -> str:
    return "**no**" if word in ("no", "NO") else word


def _where(report: ConformanceReport, subjects: Iterable[SubjectName]) -> str:
    """Name some subjects: by their target where it is all its servers, and so on."""
    servers_of: dict[str, list[str]] = defaultdict(list)
    for target, server in subjects:
        servers_of[target].append(server)
    targets_of: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for target, its_servers in servers_of.items():
        targets_of[tuple(its_servers)].append(report.titles[target])
    groups = []
    for servers, titles in targets_of.items():
        where = "" if servers == report.servers else f" on {_programs(report, servers)}"
        who = "all" if where and len(titles) == len(report.titles) else ", ".join(titles)
        groups.append(who + where)
    return "; ".join(groups)


def _programs(report: ConformanceReport, servers: tuple[str, ...]) -> str:
    """Name servers, by their program where all of its kinds are meant."""
    groups = []
    for server in servers:
        program = server.partition("/")[0]
        kinds = [kind for kind in report.servers if kind.partition("/")[0] == program]
        groups.append(program if set(kinds) <= set(servers) else server)
    return ", ".join(dict.fromkeys(groups))
