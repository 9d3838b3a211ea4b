"""A report as text for a terminal, and as Markdown."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance import contract, matrix
from asgi_liveness.conformance.contract import State, Window
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.promises import SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asgi_liveness.conformance.report import ConformanceReport, WindowRow

_WORDS: Final = {
    State.ALIVE: "answers",
    State.FROZEN: "FROZEN",
    State.STARVED: "STARVED",
    State.MIXED: "MIXED",
    State.NOT_RUNNING: "NO LOOP",
}
_SURE: Final = {Outcome.PASSED, Outcome.FAILED, Outcome.DIFFERS, Outcome.RECORDED}
_CELL: Final = 25  # columns
_SHOWN: Final = ("uvicorn", "uvloop", "hypercorn", "httpx", "asgi-liveness")


def text(report: ConformanceReport) -> str:
    """The whole report for a terminal."""
    parts = [_head(report), _table(report)]
    if kept := matrix.text(report):
        parts.append("\n".join(kept))
    parts += _explained(report)
    if len(report.targets) > 1:
        parts.append(agreement(report))
    return "\n\n".join([*parts, _closing(report)]) + "\n"


def _head(report: ConformanceReport) -> str:
    targets = " · ".join(f"{t.name or t.target} {t.version or ''}".rstrip() for t in report.targets)
    machine = f"{report.platform['system']}, {report.platform['cores']} cores"
    cases = len({cell.case for cell in report.cells})
    versions = ", ".join(
        f"{name} {report.versions[name]}" for name in _SHOWN if name in report.versions
    )
    return (
        f"{targets} · Python {report.python} · {machine} · "
        f"contract {report.contract}, {_count(cases, 'case')}\n{versions}"
    )


def _table(report: ConformanceReport) -> str:
    """Windows by servers for one target; for several, windows by targets, server by server."""
    rows = {(row.window, row.target, row.server): row for row in report.windows}
    titles = [window for window in SHOWN if any(window.title == key[0] for key in rows)]
    if not titles:
        return "No window was seen."
    lines = []
    if len(report.targets) == 1:
        target = report.targets[0].target
        keys = [(target, server) for server in report.servers]
        lines += _block("while this runs", report.servers, titles, keys, rows)
    else:
        columns = list(report.titles.values())
        for server in report.servers:
            keys = [(target.target, server) for target in report.targets]
            lines += [*_block(f"on {server}", columns, titles, keys, rows), ""]
    lines.append("probes answered of due, and the longest wait of one from when it was due")
    busy = [row for row in report.windows if row.window != contract.IDLE.title]
    if busy and all(row.state != State.NOT_RUNNING for row in busy):
        lines.append("the loops were running in every window: their steps grew to its end")
    return "\n".join(lines)


def _block(
    corner: str,
    columns: Sequence[str],
    titles: Sequence[Window],
    keys: Sequence[tuple[str, str]],
    rows: dict[tuple[str, str, str], WindowRow],
) -> list[str]:
    width = max(len(corner), *(len(window.title) for window in titles)) + 4
    cell = max(_CELL, *(len(name) + 2 for name in columns))
    lines = [corner.ljust(width) + "".join(name.ljust(cell) for name in columns) + "must be"]
    for window in titles:
        cells = (rows.get((window.title, *key)) for key in keys)
        line = f"  {window.title}".ljust(width) + "".join(_cell(row).ljust(cell) for row in cells)
        lines.append(line + window.must_be)
    return lines


def _cell(row: WindowRow | None) -> str:
    if row is None:
        return "-"
    counts = f"{row.answered}/{row.due}"
    return f"{_WORDS[State(row.state)]:<8}{counts:>6}{row.longest_wait * 1000:>6.0f} ms"


def _explained(report: ConformanceReport) -> list[str]:
    """Every verdict that says why, once, with the cases and the places."""
    found: dict[tuple[str, str], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for cell in report.cells:
        if cell.verdict in (Outcome.PASSED, Outcome.RECORDED):
            continue
        if cell.verdict == Outcome.NOT_APPLICABLE and cell.remedy:
            continue  # the closing line counts them
        cases, places = found[cell.verdict, f"{cell.message} {cell.link}".rstrip()]
        cases.append(f"{cell.case} {cell.slug}")
        places.append(f"{report.titles[cell.target]} on {cell.server}")
    lines = []
    for (verdict, told), (cases, places) in found.items():
        # The message of a failure begins with its case.
        named = "" if verdict == Outcome.FAILED else f"{', '.join(dict.fromkeys(cases))}: "
        where = ", ".join(dict.fromkeys(places))
        lines.append(f"{verdict.upper()} ({where})\n  {named}{told}")
    return lines


def agreement(report: ConformanceReport) -> str:
    """One sentence: in how many cells the targets agree, and which differ."""
    by_cell: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for cell in report.cells:
        by_cell[f"{cell.case} {cell.slug}", cell.server][cell.target] = cell.verdict
    titles = report.titles
    differing: dict[str, list[str]] = defaultdict(list)
    unsure = 0
    for (case, server), verdicts in by_cell.items():
        if not {*verdicts.values()} <= _SURE:
            unsure += 1
        elif len(set(verdicts.values())) > 1:
            said = ", ".join(f"{titles[target]} {verdict}" for target, verdict in verdicts.items())
            differing[f"{case} ({said})"].append(server)
    agreeing = len(by_cell) - unsure - sum(map(len, differing.values()))
    names = _listed(list(titles.values()))
    cases = len({case for case, _ in by_cell})
    sentence = (
        f"{names} agree in {agreeing} of {len(by_cell)} cells "
        f"({_count(cases, 'case')} on {_count(len(report.servers), 'server')})"
    )
    if unsure:
        sentence += f", {unsure} could not be judged in all"
    if not differing:
        return f"{sentence}."
    places = "; ".join(f"{case} on {_listed(servers)}" for case, servers in differing.items())
    return f"{sentence}; they differ in {places}."


def _closing(report: ConformanceReport) -> str:
    count, seconds = report.verdicts, report.seconds
    fine = count[Outcome.PASSED] + count[Outcome.DIFFERS] + count[Outcome.RECORDED]
    line = f"{_count(len(report.cells), 'verdict')}: {fine} as they should be"
    if count[Outcome.DIFFERS]:
        line += f" ({count[Outcome.DIFFERS]} known to differ)"
    line += f", {count[Outcome.FAILED]} not, {count[Outcome.INCONCLUSIVE]} inconclusive"
    for verdict in (Outcome.ERROR, Outcome.NOT_APPLICABLE):
        if count[verdict]:
            line += f", {count[verdict]} {verdict}"
    split = ", ".join(f"{part} {value:.1f}" for part, value in seconds.items())
    return (
        f"{line}.   {sum(seconds.values()):.1f} s ({split})\n"
        f"Why: CONTRACT.md, or `asgi-liveness contract`. One case: -k LIVE-002"
    )


def markdown(report: ConformanceReport) -> str:
    """The short form: what answers, and what is kept."""
    kept = "\n".join(["", *matrix.markdown(report), ""])
    return answering(report) + (kept if kept.strip() else "")


def seen(report: ConformanceReport) -> str:
    """What a run shows of its windows, for a terminal."""
    return f"{_head(report)}\n\n{_table(report)}\n\n{_closing(report)}\n"


def answering(report: ConformanceReport) -> str:
    """The four loops by frameworks, as Markdown, all servers in one cell."""
    shown = (
        (contract.BLOCKING, "a loop without `await`, in an `async def` route"),
        (contract.BACKGROUND_ASYNC, "the same in an `async def` background task"),
        (contract.BACKGROUND, "the loop in a plain `def` background task"),
        (contract.COOPERATIVE, "the loop with `await asyncio.sleep(0)` in every turn"),
    )
    lines = [
        f"| while this runs, does `/hello` answer? | {' | '.join(report.titles.values())} |",
        f"| --- |{' --- |' * len(report.targets)}",
    ]
    for window, words in shown:
        cells = (
            _short(row for row in report.windows if (row.window, row.target) == (window.title, t))
            for t in (target.target for target in report.targets)
        )
        lines.append(f"| {words} | {' | '.join(cells)} |")
    agreed = f"{agreement(report)} " if len(report.targets) > 1 else ""
    lines += ["", f"{agreed}{_head(report).replace(chr(10), ' · ')}."]
    return "\n".join(lines) + "\n"


def _short(rows: Iterable[WindowRow]) -> str:
    """What all servers show, or each server's own."""
    cells = {row.server: (row.state, row.answered, row.due) for row in rows}
    if len(set(cells.values())) == 1:
        return _answered(*next(iter(cells.values())))
    return "; ".join(f"{server}: {_answered(*cell)}" for server, cell in cells.items())


def _answered(state: str, answered: int, due: int) -> str:
    words = {State.ALIVE: "yes", State.FROZEN: "**no**"}
    return f"{words.get(State(state), state)}, {answered} of {due}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
