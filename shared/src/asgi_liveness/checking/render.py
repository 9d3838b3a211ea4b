"""A check's report as text for a terminal, and as Markdown."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.report import Verdict
from asgi_liveness.checking.untried import listing
from asgi_liveness.foreign import fenced
from asgi_liveness.foreign import markdown as markup_free
from asgi_liveness.stalls import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from asgi_liveness.checking.report import Report, WindowReport
    from asgi_liveness.stalls.culprit import Culprit

    Paint = Callable[[str, str], str]
    """Colours a text as a verdict asks."""

_WIDTH: Final = 88  # columns of running text
_MARKS: Final = 60  # columns of a strip
_NAME: Final = 40  # columns of a request
_FRAME: Final = 53  # columns of a culprit's file, line and function
_CALLERS: Final = 5  # functions of the app that led to the culprit
_SECOND: Final = 1000  # milliseconds
_DID: Final = {
    Verdict.DIED: "ended the app",
    Verdict.STALLED: "stalled the event loop",
    Verdict.STARVED: "starved the app",
    Verdict.IDLE_STALLED: "stalled with no request",
    Verdict.NOT_CHECKED: "did no work",
    Verdict.INCONCLUSIVE: "could not be judged",
    Verdict.LIVE: "left the app live",
}
_IDLE: Final = {
    Verdict.DIED: "The idle app ended.",
    Verdict.STALLED: "The event loop of the idle app stalls.",
    Verdict.STARVED: "The idle app is starved.",
    Verdict.IDLE_STALLED: "The event loop of the idle app stalls.",
    Verdict.NOT_CHECKED: "The idle app was not checked.",
    Verdict.INCONCLUSIVE: "The idle app could not be judged.",
    Verdict.LIVE: "The idle app is live.",
}


def text(report: Report, paint: Paint = lambda text, _: text) -> str:
    """Return the whole screen; *paint* colours the verdicts."""
    rows = [line for route in report.routes for line in _row(report, route, paint)]
    parts = [_head(report), "\n".join(rows)]
    blamed = [(route, lines) for route in report.routes if (lines := _blame(route))]
    for route, lines in blamed:
        title = [f"  {name(route)}:"] if len(blamed) > 1 else []
        parts.append("\n".join([*title, *lines]))
    if report.untried:
        parts.append("\n".join(listing(report.untried)))
    parts += ["\n".join(_wrapped(note, "  ")) for note in report.notes]
    if not report.ok:
        parts.append(f"  Again: {report.again}")
    return "\n\n".join([*parts, headline(report)]) + "\n"


def markdown(report: Report) -> str:
    """Return the same as Markdown: a table, and each culprit below it."""
    lines = [f"**{headline(report)}** {markup_free(_head(report))}.", ""]
    lines += ["| while this runs | verdict | observed |", "| --- | --- | --- |"]
    for route in report.routes:
        observed = " ".join([f"{fact(report, route)}.", *_further(route)])
        lines.append(f"| {markup_free(name(route))} | {route.verdict} | {markup_free(observed)} |")
    for route in report.routes:
        if blame := _blame(route):
            lines += _fenced(f"  {name(route)}:", *blame)
    if report.untried:
        lines += _fenced(*listing(report.untried))
    lines += [line for note in report.notes for line in ("", markup_free(note))]
    if not report.ok:
        lines += _fenced(f"  Again: {report.again}")
    return "\n".join(lines) + "\n"


def one(report: Report, route: WindowReport) -> str:
    """Return the part of the screen that is about one route."""
    parts = ["\n".join(_row(report, route)), "\n".join(_blame(route))]
    if route.verdict is not Verdict.LIVE:
        parts.append(f"  Again: {report.again}")
    return textwrap.dedent("\n\n".join(part for part in parts if part))


def headline(report: Report) -> str:
    """Return a sentence that counts the requests by their verdicts, and the untried routes."""
    requests = [route for route in report.routes if route.during is not None]
    idle = [_IDLE[route.verdict] for route in report.routes if route.during is None]
    if not requests:
        none = [f"None of its routes ({len(report.untried)}) was tried."] * bool(report.untried)
        return " ".join([*idle, *none])
    counted = Counter(route.verdict for route in requests)
    counts = [(counted[verdict], did) for verdict, did in _DID.items() if counted[verdict]]
    counts += [(len(report.untried), "not tried")] if report.untried else []
    (first, did), *others = counts
    total, noun = len(requests) + len(report.untried), "route" if report.untried else "request"
    all_of_them = f"{total} {noun}{'s' * (total != 1)}"
    parts = [f"{first} of {all_of_them} {did}", *(f"{number} {did}" for number, did in others)]
    ill = [words for words in idle if words != _IDLE[Verdict.LIVE]]
    return " ".join([*ill, f"{', '.join(parts)}."])


def fact(report: Report, route: WindowReport, digits: int = 0) -> str:
    """Return the counts of a window in words. The first number takes as many *digits*."""
    if not route.probes.due:
        return "no window"
    in_time = _in_time(route)
    counts = f"{in_time:>{digits}} of {route.probes.due} probes answered in time"
    if (late := route.probes.answered - in_time) > 0:
        counts += f" ({late} came late)"
    if route.verdict is Verdict.STARVED:
        because = f": {route.because}" if route.because else ""
        return f"event loop live, {counts.strip()}{because}"
    stalled = route.verdict in (Verdict.STALLED, Verdict.IDLE_STALLED)
    if stalled and route.longest_stall_s is not None:
        limit = duration(report.max_stall_s)
        return f"{counts}, event loop silent for {duration(route.longest_stall_s)} (limit {limit})"
    return f"{counts}, longest silence {duration(route.longest_silence_s)}"


def _in_time(route: WindowReport) -> int:
    """Return how many probes the strip shows as answered."""
    return route.strip.count("|") if route.strip else route.probes.answered


def name(route: WindowReport) -> str:
    """Return the name of a window; a long request is cut."""
    full = route.during or "idle"
    return full if len(full) <= _NAME else f"{full[: _NAME - 3]}..."


def duration(seconds: float) -> str:
    """Return a time in milliseconds, or in seconds if it is one or more."""
    milliseconds = round(seconds * 1000)
    return f"{milliseconds} ms" if milliseconds < _SECOND else f"{seconds:.1f} s"


def _head(report: Report) -> str:
    python = f"Python {report.system['python']}" if "python" in report.system else ""
    probing = f"probing {report.probe} every {duration(report.interval_s)}"
    return " · ".join(part for part in (report.target, report.server, python, probing) if part)


def _row(report: Report, route: WindowReport, paint: Paint = lambda text, _: text) -> list[str]:
    """Return a line of the table; below it the strip, and the notes."""
    names = max(len(name(other)) for other in report.routes) + 4
    words = max(len(_word(other)) for other in report.routes) + 4
    digits = max(len(str(_in_time(other))) for other in report.routes)
    word = paint(_word(route), route.verdict) + " " * (words - len(_word(route)))
    lines = [f"  {name(route):<{names}}{word}{fact(report, route, digits)}"]
    below = " " * (names + 2)
    if route.strip and (route.during is not None or route.verdict is not Verdict.LIVE):
        lines.append(f"{below}{_strip(route.strip)}")
    for note in _further(route):
        lines += _wrapped(note, below)
    return lines


def _further(route: WindowReport) -> list[str]:
    """Return what there is to say besides the counts."""
    because = "" if route.verdict is Verdict.STARVED else route.because
    return [note for note in (because, *route.notes) if note]


def _word(route: WindowReport) -> str:
    """Return the verdict as the table shows it, whose row says which window is the idle one."""
    if route.verdict is Verdict.IDLE_STALLED:
        return "STALLED"
    return str(route.verdict) if route.verdict is Verdict.LIVE else route.verdict.upper()


def _strip(marks: str) -> str:
    """Return the marks, in as few columns as the screen has, and their meaning."""
    each = -(-len(marks) // _MARKS)
    groups = [marks[start : start + each] for start in range(0, len(marks), each)]
    shown = "".join("." if "." in group else "|" for group in groups)
    if "." not in shown:
        return shown
    if each == 1:
        return f"{shown}  . = not answered in time"
    return f"{shown}  a mark is {each} probes, . = not all answered in time"


def _blame(route: WindowReport) -> list[str]:
    """Return the culprit with its source, and the advice."""
    lines = []
    if culprit := route.culprit:
        noun = "threads" if route.verdict is Verdict.STARVED else "samples"
        where = quote.frame(culprit)
        counted = f"{culprit.seen} of {culprit.looks} {noun}"
        lines.append(f"  {where:<{_FRAME - 2}}  {counted}" if culprit.looks else f"  {where}")
        lines += [f"  {line}" for line in quote.source(culprit)]
        lines += [f"    {words}" for words in _around(route, culprit)]
    if route.advice:
        what, more, command = route.advice.partition(" More: ")
        lines += [*([""] if lines else []), *_wrapped(what, "  ")]
        lines += [f"  {(more + command).strip()}"] if more else []
    return lines


def _around(route: WindowReport, culprit: Culprit) -> list[str]:
    """Return what the line called, and how the event loop got to the line."""
    lines = [f"which called {quote.frame(culprit.below)}"] if culprit.below else []
    for number, caller in enumerate(culprit.callers[:_CALLERS], start=1):
        last = number == len(culprit.callers) and route.during
        lines.append(f"called from {quote.frame(caller)}{f', {route.during}' if last else ''}")
    if culprit.way:
        lines.append(f"how it got there: {' > '.join(culprit.way)}")
    if culprit.handler:
        lines.append(
            f"your code is not on the stack: this runs before or after "
            f"{quote.frame(culprit.handler)}"
        )
    return lines


def _wrapped(sentences: str, indent: str) -> list[str]:
    return textwrap.wrap(
        sentences,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _fenced(*lines: str) -> list[str]:
    return ["", *fenced(textwrap.dedent("\n".join(lines)).split("\n"))]
