"""A report of the suite as text for a terminal, and as Markdown.

The rule: the short text shows the four loops, and in full each failure and each inconclusive
outcome; the verbose text shows every window and every cell as well.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance import answering as answers
from asgi_liveness.conformance import contract, matrix
from asgi_liveness.conformance.contract import State, Window
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.promises import SHOWN
from asgi_liveness.foreign import every_text
from asgi_liveness.foreign import markdown as markup_free

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asgi_liveness.conformance.report import ConformanceReport, WindowRow

    Paint = Callable[[str, str], str]
    """Colours a text as an outcome asks."""

STATES: Final = {
    State.ALIVE: "answers",
    State.FROZEN: "FROZEN",
    State.STARVED: "STARVED",
    State.MIXED: "MIXED",
    State.NOT_RUNNING: "NO LOOP",
}
_SURE: Final = {Outcome.PASSED, Outcome.FAILED, Outcome.DIFFERS, Outcome.RECORDED}
_FINE: Final = {Outcome.PASSED, Outcome.RECORDED}
_ALWAYS: Final = {Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.ERROR}
"""Outcomes that the short text explains as well."""
_FOREIGN: Final = ("target", "name", "version", "python", "system")
"""The fields that name apps and machines, in words of others."""
_VERSIONS: Final = ("uvicorn", "uvloop", "hypercorn", "httpx", "asgi-liveness")


def text(
    report: ConformanceReport,
    *,
    verbose: bool = False,
    errors: bool = True,
    paint: Paint = lambda text, _: text,
) -> str:
    """Return the report for a terminal; without *errors*, if these are printed elsewhere."""
    # A run of other cases, such as -k SPEED, has nothing shorter to show than its rows.
    has_loops = any(cell.promise in ("", "live") for cell in report.cells)
    loops = answers.text(report, paint) if has_loops else []
    parts = [head(report)]
    if loops:
        parts.append("\n".join(loops))
    if verbose or not loops:
        rows = [part for part in (_table(report), "\n".join(matrix.text(report))) if part]
        parts += rows or ["No window ran."]
    explained = {*Outcome} - _FINE if verbose else {*_ALWAYS}
    parts += _explained(report, explained if errors else explained - {Outcome.ERROR}, paint)
    if len(report.targets) > 1:
        parts.append(agreement(report))
    return "\n\n".join([*parts, _closing(report, verbose=verbose)]) + "\n"


def head(report: ConformanceReport) -> str:
    """Return the targets, the machine, and the versions, on two lines."""
    targets = " · ".join(f"{t.name or t.target} {t.version or ''}".rstrip() for t in report.targets)
    machine = f"{report.platform['system']}, {report.platform['cores']} cores"
    cases = len({cell.case for cell in report.cells})
    versions = ", ".join(
        f"{name} {report.versions[name]}" for name in _VERSIONS if name in report.versions
    )
    return (
        f"{targets} · Python {report.python} · {machine} · "
        f"contract {report.contract}, {_count(cases, 'case')}\n{versions}"
    )


def _table(report: ConformanceReport) -> str:
    """Return windows by servers for one target; for several, by targets, server by server.

    Empty where no window ran that is shown one by one.
    """
    rows = {(row.window, row.target, row.server): row for row in report.windows}
    titles = [window for window in SHOWN if any(window.title == key[0] for key in rows)]
    if not titles:
        return ""
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
    lines.append("probes answered of those due, and the longest wait of a probe since it was due")
    busy = [row for row in report.windows if row.window != contract.IDLE.title]
    if busy and all(row.state != State.NOT_RUNNING for row in busy):
        lines.append("in every window the loops kept running: they made steps until its end")
    return "\n".join(lines)


def _block(
    corner: str,
    columns: Sequence[str],
    titles: Sequence[Window],
    keys: Sequence[tuple[str, str]],
    rows: dict[tuple[str, str, str], WindowRow],
) -> list[str]:
    table = [(window, [_cell(rows.get((window.title, *key))) for key in keys]) for window in titles]
    first = max(len(corner), *(len(window.title) for window in titles)) + 4
    width = max(len(text) for text in (*columns, *(cell for _, cells in table for cell in cells)))
    lines = [corner.ljust(first) + "".join(name.ljust(width + 2) for name in columns) + "must be"]
    for window, cells in table:
        line = f"  {window.title}".ljust(first) + "".join(cell.ljust(width + 2) for cell in cells)
        lines.append(line + window.must_be)
    return lines


def _cell(row: WindowRow | None) -> str:
    if row is None:
        return "-"
    word = f"{STATES[State(row.state)]:<8}"
    if row.state == State.FROZEN:
        return f"{word} {answers.never([row])}"
    counts = f"{row.answered}/{row.due}"
    return f"{word}{counts:>6}{row.longest_wait * 1000:>6.0f} ms"


def _explained(report: ConformanceReport, outcomes: set[Outcome], paint: Paint) -> list[str]:
    """Return the reason of each of the *outcomes*, once, with the cases and the subjects."""
    found: dict[tuple[str, str], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for cell in report.cells:
        is_repeated = cell.verdict == Outcome.PASSED and cell.message
        if cell.verdict not in outcomes and not is_repeated:
            continue
        if cell.verdict == Outcome.NOT_APPLICABLE and cell.remedy:
            continue  # the closing line counts them
        cases, subjects = found[cell.verdict, f"{cell.message} {cell.link}".rstrip()]
        cases.append(f"{cell.case} {cell.slug}")
        subjects.append(f"{report.titles[cell.target]} on {cell.server}")
    lines = []
    for (outcome, reason), (cases, subjects) in found.items():
        # The message of a failure begins with its case.
        named = "" if outcome == Outcome.FAILED else f"{', '.join(dict.fromkeys(cases))}: "
        where = ", ".join(dict.fromkeys(subjects))
        lines.append(f"{paint(outcome.upper(), outcome)} ({where})\n  {named}{reason}")
    return lines


def agreement(report: ConformanceReport) -> str:
    """Return one sentence: in how many cells the targets agree, and in which they differ."""
    by_cell: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for cell in report.cells:
        by_cell[f"{cell.case} {cell.slug}", cell.server][cell.target] = cell.verdict
    titles = report.titles
    differing: dict[str, list[str]] = defaultdict(list)
    unsure = 0
    for (case, server), outcomes in by_cell.items():
        if not {*outcomes.values()} <= _SURE:
            unsure += 1
        elif len(set(outcomes.values())) > 1:
            each = ", ".join(f"{titles[target]} {outcome}" for target, outcome in outcomes.items())
            differing[f"{case} ({each})"].append(server)
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


def counted(report: ConformanceReport) -> str:
    """Return the number of the cells by outcome, in words."""
    count = report.verdicts
    fine = count[Outcome.PASSED] + count[Outcome.DIFFERS] + count[Outcome.RECORDED]
    line = f"{_count(len(report.cells), 'cell')}: {fine} as they should be"
    if count[Outcome.DIFFERS]:
        line += f" ({count[Outcome.DIFFERS]} known to differ)"
    line += f", {count[Outcome.FAILED]} failed, {count[Outcome.INCONCLUSIVE]} inconclusive"
    for outcome in (Outcome.ERROR, Outcome.NOT_APPLICABLE):
        if count[outcome]:
            line += f", {count[outcome]} {outcome}"
    return f"{line}."


def _closing(report: ConformanceReport, *, verbose: bool) -> str:
    seconds = report.seconds
    split = ", ".join(f"{part} {value:.1f}" for part, value in seconds.items())
    more = "" if verbose else "Every window and cell: --verbose. "
    return (
        f"{counted(report)}   {sum(seconds.values()):.1f} s ({split})\n"
        f"{more}Why a case: asgi-liveness explain LIVE-002. One case: -k LIVE-002"
    )


def markdown(report: ConformanceReport) -> str:
    """Return the short form as Markdown: what answers, and which promises are kept."""
    report = every_text(report, lambda text, name: markup_free(text) if name in _FOREIGN else text)
    kept = "\n".join(["", *matrix.markdown(report), ""])
    return answering(report) + (kept if kept.strip() else "")


def seen(report: ConformanceReport) -> str:
    """Return the windows of a run, for a terminal."""
    return "\n\n".join([head(report), _table(report), _closing(report, verbose=True)]) + "\n"


def answering(report: ConformanceReport) -> str:
    """Return the four loops by targets as Markdown, with the agreement and the versions."""
    agreed = f"{agreement(report)} " if len(report.targets) > 1 else ""
    versions = f"{agreed}{head(report).replace(chr(10), ' · ')}."
    return "\n".join([*answers.markdown(report), "", versions]) + "\n"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
