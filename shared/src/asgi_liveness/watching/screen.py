"""What a watch prints: a line for each stall while it blocks, and the summary by line. Pure."""

from __future__ import annotations

import textwrap
import time
from typing import TYPE_CHECKING, Final

from asgi_liveness.foreign import plain
from asgi_liveness.stalls import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asgi_liveness.stalls.culprit import Culprit
    from asgi_liveness.watching.named_stall import NamedStall
    from asgi_liveness.watching.report import WatchReport
    from asgi_liveness.watching.starvation import Starvation

    Paint = Callable[[str, str], str]
    """Colours a text as the word after it says."""

_WIDTH: Final = 88  # columns of running text
_WHERE: Final = 40  # columns of file, line and function, at least
_REQUEST: Final = 22  # columns of a request, at least
_SOURCE: Final = 60  # columns of a line of source, at most
_ADVISED: Final = 3  # culprits whose advice is printed
_MINUTE, _HOUR = 60, 3600  # seconds


def stall_line(stall: NamedStall, times: int, paint: Paint) -> str:
    """Return the line of a stall; *times* is how many with the same culprit there were before."""
    so_far = " so far" if stall.goes_on else ""
    counted = f"({_ordinal(times + 1)} time)" if times else ""
    rest = f"{_where(stall.culprit, stall.because):<{_WHERE}} {stall.request:<{_REQUEST}} {counted}"
    length = f"{stall.seconds:.1f} s{so_far}"
    text = f"{_clock(stall.at + stall.seconds)}  {length:<12} {rest.rstrip():<{_WHERE + _REQUEST}}"
    return f"{paint('stalled', 'stalled')} {plain(text)}  pid {stall.process}"


def starved_line(starvation: Starvation, paint: Paint) -> str:
    """Return the line of a pool of threads that is full, or no longer so."""
    at = f"{starvation.there} of {starvation.threads} threads at {starvation.where}"
    full = "full" if starvation.goes_on else f"was full for {_length(starvation.seconds)}"
    text = f"{_clock(starvation.at + starvation.seconds)}  {starvation.pool} {full}, {at}"
    return f"{paint('starved', 'starved')} {plain(text)}  pid {starvation.process}"


def summary(report: WatchReport, paint: Paint) -> str:
    """Return the summary of a watch."""
    parts: list[list[str]] = [[paint(headline(report), report.verdict)]]
    parts += [list(_table(report))] if report.culprits else []
    parts += [_starved(report)] if report.starved else []
    parts += _advised(report)
    parts += [[f"  {late}"]] if (late := lateness(report)) else []
    parts += [textwrap.wrap(plain(note), _WIDTH) for note in report.notes]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def headline(report: WatchReport) -> str:
    """Return how long was watched, and how many stalls there were."""
    processes = f"{report.processes} process{'es' * (report.processes != 1)}"
    limit = f"{report.max_stall_s * 1000:g} ms"
    found = f"no stall longer than {limit}"
    if report.culprits:
        stalls = f"{report.stalls} stall{'s' * (report.stalls != 1)}"
        silent = f"event loop silent for {_length(report.silent_s)}"
        found = f"{silent} in {stalls} longer than {limit}"
    return f"watched {_length(report.watched_s)}, {processes} · {found}"


def lateness(report: WatchReport) -> str:
    """Return by how much the event loop was late otherwise; "" where it never beat."""
    if report.late_p50_s is None:
        return ""
    p50, p99 = (f"{(each or 0) * 1000:.0f} ms" for each in (report.late_p50_s, report.late_p99_s))
    rest = "the rest of the time the" if report.culprits else "the"
    return f"{rest} loop was late by {p50} (p50), {p99} (p99)"


def _table(report: WatchReport) -> Iterator[str]:
    yield "  stalls   total  longest   where"
    for row in report.culprits:
        source = row.culprit.source if row.culprit else ""
        source = source if len(source) <= _SOURCE else f"{source[: _SOURCE - 4]} ..."
        word = row.because if row.culprit else ""
        where = f"{_where(row.culprit, row.because):<{_WHERE}}  {source}  {word}".rstrip()
        counts = f"  {row.stalls:>6} {row.total_s:>5.1f} s {row.longest_s:>6.1f} s   "
        requests = ", ".join(list(row.requests)[:2]) + ", ..." * (len(row.requests) > 2)  # noqa: PLR2004 (two fit)
        yield f"{counts}{plain(where)}"
        if requests:
            yield f"{' ' * len(counts)}{plain(requests)}"


def _starved(report: WatchReport) -> list[str]:
    return [
        plain(
            f"  {each.pool} full for {_length(each.seconds)}, {each.there} of {each.threads} "
            f"threads at {each.where}"
        )
        for each in report.starved
    ]


def _advised(report: WatchReport) -> Iterator[list[str]]:
    """Yield each advice with the culprits that it is for, and how a stall got to them."""
    rows = [row for row in report.culprits if row.culprit and row.advice][:_ADVISED]
    for advice in dict.fromkeys(row.advice for row in rows):
        what, more, command = advice.partition(" More: ")
        lines = []
        for culprit in (row.culprit for row in rows if row.culprit and row.advice == advice):
            lines.append(f"  {_where(culprit)}")
            if culprit.way:
                lines.append(f"  how it got there: {' > '.join(culprit.way)}")
        lines += textwrap.wrap(what, _WIDTH, initial_indent="  ", subsequent_indent="  ")
        yield [*map(plain, lines), f"  {(more + command).strip()}"]


def _where(culprit: Culprit | None, because: str = "") -> str:
    return quote.frame(culprit) if culprit else f"({because})"


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))


def _length(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if seconds < _HOUR:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours} h {minutes} min"


def _ordinal(number: int) -> str:
    teens = range(11, 14)
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if number % 100 in teens else endings.get(number % 10, 'th')}"
