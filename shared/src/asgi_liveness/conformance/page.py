"""The page of a run: each route with its handlers and its windows, and the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance import contract, render, tables
from asgi_liveness.page.model import (
    CommandLine,
    Fold,
    Lane,
    Lanes,
    Page,
    Prose,
    Section,
    Source,
    Sources,
    Tone,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asgi_liveness.conformance.report import ConformanceReport, WindowRow
    from asgi_liveness.page.model import Block

_STATES: Final = {contract.State.ALIVE: Tone.GOOD, contract.State.NOT_RUNNING: Tone.UNSURE}
"""The tone of a window by what the app did in it; any other state is a freeze."""
_MAIN: Final = {
    contract.IDLE: "nothing runs",
    contract.BLOCKING: "a loop without await",
    contract.BACKGROUND: "in a plain def background task",
    contract.COOPERATIVE: "with await asyncio.sleep(0)",
}
"""The windows of the picture on top: nothing, the defect, and both fixes."""
_PROBES: Final = "Each mark is a probe at the moment it was due; above are the steps of the loop."


def page(report: ConformanceReport) -> Page:
    """Return the page of a report."""
    return Page(
        title=" · ".join(report.titles.values()),
        sentence=_sentence(report),
        tone=_tone(report),
        picture=_picture(report),
        sections=(
            *_routes(report),
            *tables.matrix_section(report),
            *tables.decisions(report),
            *tables.differences(report),
            tables.cases(report),
            Section("again", "Run it again", (CommandLine(_again(report)),)),
        ),
        made=render.head(report).replace("\n", " · "),
    )


def _tone(report: ConformanceReport) -> Tone:
    """Return the tone of the result. A freeze that was expected is neither good nor bad news."""
    tones = {0: Tone.PLAIN if any(map(_froze, report.windows)) else Tone.GOOD, 3: Tone.UNSURE}
    return tones.get(report.exit_code, Tone.BAD)


def _froze(row: WindowRow) -> bool:
    return row.state == contract.State.FROZEN


def _sentence(report: ConformanceReport) -> str:
    """Say what froze and what did not, by the windows; else count the cells."""
    froze = [row for row in report.windows if row.window == contract.BLOCKING.title]
    fixes = {contract.BACKGROUND.title, contract.COOPERATIVE.title}
    fixed = [row for row in report.windows if row.window in fixes]
    if not (froze and fixed):
        return render.counted(report)
    frozen = sum(map(_froze, froze))
    alive = sum(row.state == contract.State.ALIVE for row in fixed)
    return (
        f"A loop without await in an async def route froze the app in {frozen} of {len(froze)} "
        f"runs. In a plain def background task, or with await asyncio.sleep(0), the same loop "
        f"left it answering in {alive} of {len(fixed)}."
    )


def _picture(report: ConformanceReport) -> Lanes | None:
    """Return the main windows of the first target on the first server."""
    rows = {
        row.window: row
        for row in report.windows
        if (row.target, row.server) == (report.targets[0].target, report.servers[0])
    }
    shown = {words: rows[row.title] for row, words in _MAIN.items() if row.title in rows}
    if not shown:
        return None
    where = f"{report.titles[report.targets[0].target]} on {report.servers[0]}. {_PROBES}"
    return Lanes(tuple(_lane(row, words) for words, row in shown.items()), where)


def _routes(report: ConformanceReport) -> Iterator[Section]:
    """Yield a section for each route, the main ones first: its handlers, and its windows."""
    main = (path for window in _MAIN for path in window.load)
    paths = dict.fromkeys([*main, *(row.path.partition("/{")[0] for row in contract.ROUTES)])
    for path in paths:
        windows = [row for row in report.windows if row.window.partition(",")[0] == path]
        sources = tuple(
            Source(f"{report.titles[row.target]}: {row.file}", row.first, row.lines)
            for row in report.handlers
            if row.path == path
        )
        if not windows:
            continue
        blocks: list[Block] = [Prose(_does(path))]
        blocks += [Sources(sources)] if sources else []
        first, *others = dict.fromkeys(row.window for row in windows)
        blocks.append(_lanes(report, windows, first))
        if others:
            further = tuple(_lanes(report, windows, title) for title in others)
            more = f"{len(others)} more window{'s' * (len(others) != 1)}"
            blocks.append(Fold(f"{more}: {', '.join(others)}", further))
        word, tone = _state([row for row in windows if row.window == first])
        yield Section(f"route-{path.strip('/')}", path, tuple(blocks), word, tone)


def _does(path: str) -> str:
    row = contract.route(path)
    does = row.does.replace("`", "")
    handler = row.handler.replace("`", "")
    return f"The handler, {'an' if handler[0] in 'aeiou' else 'a'} {handler}, {does}."


def _lanes(report: ConformanceReport, windows: list[WindowRow], title: str) -> Lanes:
    rows = tuple(
        _lane(row, f"{report.titles[row.target]} on {row.server}")
        for row in windows
        if row.window == title
    )
    return Lanes(rows, title if ", " in title else "")  # else the section says it


def _lane(row: WindowRow, label: str) -> Lane:
    state = contract.State(row.state)
    note = f"{row.answered} of {row.due} probes answered, longest wait {row.longest_wait:.2f} s"
    return Lane(label, render.STATES[state], _STATES.get(state, Tone.BAD), note, row.timeline)


def _state(rows: list[WindowRow]) -> tuple[str, Tone]:
    """Return what the app did in all *rows*, in a word, or that they differ."""
    states = {contract.State(row.state) for row in rows}
    if len(states) == 1:
        (state,) = states
        return render.STATES[state], _STATES.get(state, Tone.BAD)
    return "differs", Tone.UNSURE


def _again(report: ConformanceReport) -> str:
    targets = " ".join(row.target for row in report.targets)
    servers = " ".join(f"--server {name}" for name in report.servers)
    remedies = ",".join(dict.fromkeys(cell.remedy for cell in report.cells if cell.remedy))
    return f"asgi-liveness run {targets} {servers}{f' --has {remedies}' if remedies else ''}"
