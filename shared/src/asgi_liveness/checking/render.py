"""A check's report as text for a terminal, and as Markdown."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.report import Verdict
from asgi_liveness.stalls import quote

if TYPE_CHECKING:
    from asgi_liveness.checking.report import Report, WindowReport

_WIDTH: Final = 88  # columns of running text
_MARKS: Final = 60  # columns of a strip
_NAME: Final = 40  # columns of a request
_PLACE: Final = 53  # columns of a culprit's place
_UNTRIED: Final = 20  # routes that are listed by name
_SECOND: Final = 1000  # milliseconds
_DID: Final = {
    Verdict.DIED: "ended the app",
    Verdict.STALLED: "stalled the event loop",
    Verdict.STARVED: "starved the app",
    Verdict.IDLE_STALLED: "stalled with no request",
    Verdict.INCONCLUSIVE: "could not be judged",
    Verdict.LIVE: "left the app live",
}
_AT_REST: Final = {
    Verdict.DIED: "The app ended with no request at all.",
    Verdict.STALLED: "The event loop stalls with no request at all.",
    Verdict.STARVED: "The app is starved with no request at all.",
    Verdict.IDLE_STALLED: "The event loop stalls with no request at all.",
    Verdict.INCONCLUSIVE: "The app at rest could not be judged.",
    Verdict.LIVE: "The app at rest is live.",
}


def text(report: Report) -> str:
    """The whole screen."""
    rows = [line for route in report.routes for line in _row(report, route)]
    parts = [_head(report), "\n".join(rows)]
    blamed = [(route, lines) for route in report.routes if (lines := _blame(route))]
    for route, lines in blamed:
        title = [f"  {name(route)}:"] if len(blamed) > 1 else []
        parts.append("\n".join([*title, *lines]))
    if report.untried:
        parts.append("\n".join(_untried(report)))
    if not report.ok:
        parts.append(f"  Again: {report.again}")
    return "\n\n".join([*parts, headline(report)]) + "\n"


def markdown(report: Report) -> str:
    """The same for a page: a table, and what is to blame."""
    lines = [f"**{headline(report)}** {_cell(_head(report))}.", ""]
    lines += ["| while this runs | verdict | seen |", "| --- | --- | --- |"]
    for route in report.routes:
        seen = " ".join([f"{fact(report, route)}.", *_further(route)])
        lines.append(f"| {_cell(name(route))} | {route.verdict} | {_cell(seen)} |")
    for route in report.routes:
        if blame := _blame(route):
            lines += _fenced(f"  {name(route)}:", *blame)
    if report.untried:
        lines += _fenced(*_untried(report))
    if not report.ok:
        lines += _fenced(f"  Again: {report.again}")
    return "\n".join(lines) + "\n"


def one(report: Report, route: WindowReport) -> str:
    """What the screen says of one route."""
    parts = ["\n".join(_row(report, route)), "\n".join(_blame(route))]
    if route.verdict is not Verdict.LIVE:
        parts.append(f"  Again: {report.again}")
    return textwrap.dedent("\n\n".join(part for part in parts if part))


def headline(report: Report) -> str:
    """Say in a sentence how many requests did what."""
    asked = [route for route in report.routes if route.during is not None]
    at_rest = [_AT_REST[route.verdict] for route in report.routes if route.during is None]
    if not asked:
        return " ".join(at_rest)
    counted = Counter(route.verdict for route in asked)
    (first, did), *others = [(counted[v], did) for v, did in _DID.items() if counted[v]]
    requests = "1 request" if len(asked) == 1 else f"{len(asked)} requests"
    said = [f"{first} of {requests} {did}", *(f"{number} {did}" for number, did in others)]
    ill = [words for words in at_rest if words != _AT_REST[Verdict.LIVE]]
    return " ".join([*ill, f"{', '.join(said)}."])


def fact(report: Report, route: WindowReport, digits: int = 0) -> str:
    """Say what was counted in a window. The first number takes as many *digits*."""
    counts = f"{route.probes.answered:>{digits}} of {route.probes.due} probes answered"
    if route.verdict is Verdict.STARVED:
        because = f": {route.because}" if route.because else ""
        return f"event loop live, {counts.strip()}{because}"
    stalled = route.verdict in (Verdict.STALLED, Verdict.IDLE_STALLED)
    if stalled and route.longest_stall_s is not None:
        limit = duration(report.max_stall_s)
        return f"{counts}, event loop silent for {duration(route.longest_stall_s)} (limit {limit})"
    return f"{counts}, longest silence {duration(route.longest_silence_s)}"


def name(route: WindowReport) -> str:
    """What a window is called; a long request is cut."""
    called = route.during or "idle"
    return called if len(called) <= _NAME else f"{called[: _NAME - 3]}..."


def duration(seconds: float) -> str:
    """Milliseconds, from a second on seconds."""
    milliseconds = round(seconds * 1000)
    return f"{milliseconds} ms" if milliseconds < _SECOND else f"{seconds:.1f} s"


def _head(report: Report) -> str:
    python = f"Python {report.system['python']}" if "python" in report.system else ""
    probing = f"probing {report.probe} every {duration(report.interval_s)}"
    return " · ".join(part for part in (report.target, report.server, python, probing) if part)


def _row(report: Report, route: WindowReport) -> list[str]:
    """A line of the table; below it the strip, and what else was seen."""
    names = max(len(name(other)) for other in report.routes) + 4
    words = max(len(_word(other)) for other in report.routes) + 4
    digits = max(len(str(other.probes.answered)) for other in report.routes)
    told = fact(report, route, digits)
    lines = [f"  {name(route):<{names}}{_word(route):<{words}}{told}"]
    below = " " * (names + 2)
    if route.strip and (route.during is not None or route.verdict is not Verdict.LIVE):
        lines.append(f"{below}{_strip(route.strip)}")
    for said in _further(route):
        lines += _wrapped(said, below)
    return lines


def _further(route: WindowReport) -> list[str]:
    """What was seen beside the numbers."""
    because = "" if route.verdict is Verdict.STARVED else route.because
    return [said for said in (because, *route.notes) if said]


def _word(route: WindowReport) -> str:
    """Return the verdict as it stands in the table, where the row says that it is the idle one."""
    if route.verdict is Verdict.IDLE_STALLED:
        return "STALLED"
    return str(route.verdict) if route.verdict is Verdict.LIVE else route.verdict.upper()


def _strip(marks: str) -> str:
    """Return the marks in as many columns as there are, and what they mean."""
    each = -(-len(marks) // _MARKS)
    groups = [marks[start : start + each] for start in range(0, len(marks), each)]
    shown = "".join("." if "." in group else "|" for group in groups)
    if "." not in shown:
        return shown
    return f"{shown}  . = {f'one of {each} ' if each > 1 else ''}not answered in time"


def _blame(route: WindowReport) -> list[str]:
    """The culprit with its source, and the advice."""
    lines = []
    if culprit := route.culprit:
        of = "threads stand there" if route.verdict is Verdict.STARVED else "samples"
        seen = f"{culprit.seen} of {culprit.looks} {of}"
        seen = seen if route.verdict is Verdict.STARVED else f"seen there in {seen}"
        where = quote.frame(culprit)
        lines.append(f"  {where:<{_PLACE - 2}}  {seen}" if culprit.looks else f"  {where}")
        lines += [f"  {line}" for line in quote.source(culprit)]
        if culprit.below:
            lines.append(f"    below it: {quote.frame(culprit.below)}")
    if route.advice:
        lines += ["", *_wrapped(route.advice, "  ")] if lines else _wrapped(route.advice, "  ")
    return lines


def _untried(report: Report) -> list[str]:
    shown = report.untried[:_UNTRIED]
    more = len(report.untried) - len(shown)
    return [
        "  Not tried, of its OpenAPI document (--openapi runs them all, --during one of them):",
        *(f"    {request}" for request in shown),
        *([f"    and {more} more"] if more else []),
    ]


def _wrapped(said: str, indent: str) -> list[str]:
    return textwrap.wrap(
        said,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _cell(said: str) -> str:
    return said.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _fenced(*lines: str) -> list[str]:
    return ["", "~~~~text", *textwrap.dedent("\n".join(lines)).split("\n"), "~~~~"]
