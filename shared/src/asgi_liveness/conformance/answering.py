"""Does ``/hello`` answer? Four loops by targets, from a report: for a terminal and as Markdown."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from asgi_liveness.conformance import contract
from asgi_liveness.conformance.contract import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asgi_liveness.conformance.contract import Window
    from asgi_liveness.conformance.report import ConformanceReport, WindowRow

    Paint = Callable[[str, str], str]
    """Colours a text as a word asks."""

_GAP: Final = 2  # columns between two cells


class _LoopRow(NamedTuple):
    window: Window
    plain: str
    markdown: str


_LOOPS: Final = (
    _LoopRow(
        contract.BLOCKING,
        "a loop without await, in an async route",
        "a loop without `await`, in an `async def` route",
    ),
    _LoopRow(
        contract.BACKGROUND_ASYNC,
        "the same, in an async background task",
        "the same in an `async def` background task",
    ),
    _LoopRow(
        contract.BACKGROUND,
        "the same, in a plain def background task",
        "the loop in a plain `def` background task",
    ),
    _LoopRow(
        contract.COOPERATIVE,
        "with await asyncio.sleep(0) in each iteration",
        "the loop with `await asyncio.sleep(0)` in each iteration",
    ),
)


def text(report: ConformanceReport, paint: Paint = lambda text, _: text) -> list[str]:
    """Return the table for a terminal; empty where none of the four loops ran."""
    if not any(row.window == loop.window.title for row in report.windows for loop in _LOOPS):
        return []
    corner = "does /hello answer while this runs?"
    titles = list(report.titles.values())
    table = [
        (f"  {loop.plain}", [_cells(report, loop.window, t.target) for t in report.targets])
        for loop in _LOOPS
    ]
    first = max(len(corner), *(len(words) for words, _ in table)) + _GAP
    widths = [
        max(len(title), *(len(line) for _, cells in table for line in cells[column])) + _GAP
        for column, title in enumerate(titles)
    ]
    lines = [_line(corner.ljust(first), titles, widths)]
    for words, cells in table:
        for number in range(max(map(len, cells))):
            label = words if number == 0 else ""
            parts = [cell[number] if number < len(cell) else "" for cell in cells]
            lines.append(_line(label.ljust(first), parts, widths, paint))
    return lines


def _line(
    label: str,
    cells: Sequence[str],
    widths: Sequence[int],
    paint: Paint = lambda text, _: text,
) -> str:
    """Return one line of the table; a cell has the colour of its first word."""
    padded = (
        paint(cell, cell.partition(",")[0]) + " " * (width - len(cell))
        for cell, width in zip(cells, widths, strict=True)
    )
    return f"{label}{''.join(padded)}".rstrip()


def _cells(report: ConformanceReport, window: Window, target: str) -> list[str]:
    """Return what all servers show, or a line for each group of servers that differs."""
    groups: dict[tuple[str, int, int], list[WindowRow]] = defaultdict(list)
    for row in report.windows:
        if (row.window, row.target) == (window.title, target):
            groups[row.state, row.answered, row.due].append(row)
    ran = sum(map(len, groups.values()))
    if len(groups) <= 1 and ran in (0, len(report.servers)):
        return [_plain(rows) for rows in groups.values()] or ["-"]
    return [
        f"{_plain(rows)}, on {', '.join(row.server for row in rows)}" for rows in groups.values()
    ]


def _plain(rows: Sequence[WindowRow]) -> str:
    """Return what some servers show alike."""
    state, answered, due = State(rows[0].state), rows[0].answered, rows[0].due
    if state is State.FROZEN:
        return f"no, {never(rows)}"
    return f"{'yes' if state is State.ALIVE else state}, {answered} of {due}"


def never(rows: Sequence[WindowRow]) -> str:
    """Say that no probe was answered until the loop was stopped, and after what time that was."""
    waits = [f"{row.longest_wait:.1f}" for row in rows]
    low, high = min(waits, key=float), max(waits, key=float)
    return f"never (stopped after {low if low == high else f'{low} to {high}'} s)"


def markdown(report: ConformanceReport) -> list[str]:
    """Return the table as Markdown, which names no times."""
    lines = [
        f"| while this runs, does `/hello` answer? | {' | '.join(report.titles.values())} |",
        f"| --- |{' --- |' * len(report.targets)}",
    ]
    for loop in _LOOPS:
        cells = (_markdown(report, loop.window, target.target) for target in report.targets)
        lines.append(f"| {loop.markdown} | {' | '.join(cells)} |")
    return lines


def _markdown(report: ConformanceReport, window: Window, target: str) -> str:
    """Return what all servers show, or each server's own."""
    cells = {
        row.server: _answered(row)
        for row in report.windows
        if (row.window, row.target) == (window.title, target)
    }
    if len(set(cells.values())) == 1:
        return next(iter(cells.values()))
    return "; ".join(f"{server}: {cell}" for server, cell in cells.items())


def _answered(row: WindowRow) -> str:
    words = {State.ALIVE: "yes", State.FROZEN: "**no**"}
    return f"{words.get(State(row.state), row.state)}, {row.answered} of {row.due}"
