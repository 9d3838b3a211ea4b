"""Remedies by promises, from a report: every cell for a terminal, the short form in Markdown."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

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

SubjectName = tuple[str, str]
"""A target and a server."""


def text(report: ConformanceReport) -> list[str]:
    """Every cell: a block a target, a line a remedy and server. Empty where none was judged."""
    cells = {(c.target, c.server, c.remedy, c.promise): c for c in _cells(report)}
    shown = [row.name for row in PROMISES if any(row.name == key[3] for key in cells)]
    if not shown:
        return []
    lines = []
    for target, title in report.titles.items():
        corner = f"kept by {title}".ljust(31)
        lines.append(corner + "".join(name.ljust(_WIDTH) for name in shown).rstrip())
        for remedy in (row for row in REMEDIES if any(row.name == key[2] for key in cells)):
            for server in report.servers:
                words = (_word(cells.get((target, server, remedy.name, name))) for name in shown)
                line = "".join(word.ljust(_WIDTH) for word in words)
                lines.append(f"  {remedy.path:<13}{server:<16}{line}".rstrip())
        lines.append("")
    lines.append("gil: a probe's p99 beside eight of them, as a multiple of that at rest;")
    lines.append("speed: turns a second, as a part of the bare loop's; no: listed as a difference")
    if "defaults" in shown:
        lines.append(
            "defaults: seconds until all is gone with the server's own settings, the worse"
        )
        lines.append("of SIGTERM and Ctrl+C; every other promise: CONTRACT.md")
    return lines


def _cells(report: ConformanceReport) -> list[CellRow]:
    """The cells of the comparison, without remedies that no target has."""
    had = {
        c.remedy
        for c in report.cells
        if c.promise not in ("", "live") and c.verdict != Outcome.NOT_APPLICABLE
    }
    return [c for c in report.cells if c.promise and c.remedy in had]


def _word(cell: CellRow | None) -> str:
    """What stands in one cell."""
    if cell is None:
        return "-"
    figures = cell.measured
    if cell.promise == "defaults" and figures:
        worst = [figure for figure in figures.values() if figure is not None]
        return f"{max(worst):.1f} s" if len(worst) == len(figures) else _NEVER
    if (ratio := figures.get("ratio")) is not None and cell.verdict != Outcome.FAILED:
        return f"x{ratio:.0f}" if cell.promise == "gil" else f"{ratio:.2f}"
    return _WORDS.get(Outcome(cell.verdict), "-")


def markdown(report: ConformanceReport) -> list[str]:
    """The short form: one table, in which a cell says where targets or servers differ."""
    by_cell: dict[tuple[str, str], dict[SubjectName, CellRow]] = defaultdict(dict)
    for cell in _cells(report):
        by_cell[cell.remedy, cell.promise][cell.target, cell.server] = cell
    if not by_cell:
        return []
    names = [row.name for row in PROMISES]
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for remedy in REMEDIES:
        found = (_short(report, by_cell.get((remedy.name, name), {})) for name in names)
        lines.append(f"| `{remedy.path}` | {' | '.join(found)} |")
    return lines


def _short(report: ConformanceReport, cells: dict[SubjectName, CellRow]) -> str:
    ratios = [ratio for c in cells.values() if (ratio := c.measured.get("ratio")) is not None]
    if ratios:
        sign, digits = ("×", 0) if next(iter(cells.values())).promise == "gil" else ("", 2)
        low, high = (f"{sign}{figure:.{digits}f}" for figure in (min(ratios), max(ratios)))
        return low if low == high else f"{low} to {high}"
    by_word: dict[str, list[SubjectName]] = defaultdict(list)
    for place, cell in cells.items():
        by_word[_verdict(cell)].append(place)
    if len(by_word) <= 1:
        return next(iter(by_word), "-")
    return "; ".join(f"{word}: {_where(report, places)}" for word, places in by_word.items())


def _verdict(cell: CellRow) -> str:
    if cell.promise == "defaults":
        return "**hangs**" if _word(cell) == _NEVER else "ends"
    return {"yes": "yes", "no": "**no**", "NO": "**no**"}.get(_word(cell), _word(cell))


def _where(report: ConformanceReport, places: Iterable[SubjectName]) -> str:
    """Name some of the places: by target where all its servers are meant, and so on."""
    servers_of: dict[str, list[str]] = defaultdict(list)
    for target, server in places:
        servers_of[target].append(server)
    targets_of: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for target, its_servers in servers_of.items():
        targets_of[tuple(its_servers)].append(report.titles[target])
    said = []
    for servers, titles in targets_of.items():
        where = "" if servers == report.servers else f" on {_programs(report, servers)}"
        who = "all" if where and len(titles) == len(report.titles) else ", ".join(titles)
        said.append(who + where)
    return "; ".join(said)


def _programs(report: ConformanceReport, servers: tuple[str, ...]) -> str:
    """Name servers, by their program where all of its kinds are meant."""
    said = []
    for server in servers:
        program = server.partition("/")[0]
        kinds = [kind for kind in report.servers if kind.partition("/")[0] == program]
        said.append(program if set(kinds) <= set(servers) else server)
    return ", ".join(dict.fromkeys(said))
