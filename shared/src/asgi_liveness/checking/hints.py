"""Sentences of a report that say how to see more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from asgi_liveness.checking.report import Probes, Verdict, WindowReport
from asgi_liveness.checking.request import WEBSOCKET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.checking.call import Call

_NAMED = 3  # refused requests that an error names


def better_probe(path: str, health: str = "") -> str:
    """Return a note on a probed *path* that the app does not have; *health* may be a better one."""
    return (
        f"GET {path} answers 404, which counts as an answer: the event loop ran. A route that the "
        f"app has is better, best an async def that does nothing else: --probe {health or '/PATH'}"
    )


def several_callers(concurrency: int, verdicts: Sequence[Verdict]) -> str:
    """Return a note for an app that holds a lock across an await; "" where one caller showed it."""
    if concurrency > 1 or any(verdict is not Verdict.LIVE for verdict in verdicts):
        return ""
    return (
        "One caller at a time never waits for another. The app holds a lock across an await: "
        "--concurrency 2 shows what a second caller meets."
    )


def first_message(call: Call) -> tuple[str, ...]:
    """Return a note on a live WebSocket that may wait for a message in vain."""
    if call.method != WEBSOCKET or call.body:
        return ()
    return (f"Nothing was sent on {call}; if it waits for a message, give the first one with -d.",)


def not_checked(route: WindowReport, why: str) -> WindowReport:
    """Return the report of a live window, whose request the app refused."""
    notes = tuple(note for note in route.notes if f"{route.during} itself answered" not in note)
    return replace(route, verdict=Verdict.NOT_CHECKED, because=f"it {why}", notes=notes)


def not_tried(call: str, error: str) -> WindowReport:
    """Return the report of a request for which the app did not start again, or on Ctrl+C."""
    because = f"it was not tried: {error or 'interrupted'}"
    return WindowReport(call, Verdict.NOT_CHECKED, Probes(0, 0), None, None, 0.0, because=because)


def all_refused(refused: Sequence[WindowReport]) -> str:
    """Say in a line that the app refused every request."""
    lines = [f"{each.during} {each.because.removeprefix('it ')}" for each in refused]
    more = f"; and {len(lines) - _NAMED} more" if lines[_NAMED:] else ""
    return "; ".join(lines[:_NAMED]) + more
