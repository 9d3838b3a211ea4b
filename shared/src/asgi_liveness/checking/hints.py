"""Sentences of a report: what was not checked, and how to see more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from asgi_liveness.checking.report import Probes, Verdict, WindowReport
from asgi_liveness.checking.request import WEBSOCKET
from asgi_liveness.stalls import source
from asgi_liveness.stalls.handler import handler_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from asgi_liveness.checking.call import Call

_NAMED = 3  # refused requests that an error names


def better_probe(path: str, health: str = "") -> str:
    """Return a note on a probed *path* that the app does not have; *health* may be a better one."""
    return (
        f"GET {path} answers 404, which counts as an answer: the event loop ran. A route that the "
        f"app has is better, best an async def that does nothing else: --probe {health or '/PATH'}"
    )


def of_live(call: Call, concurrency: int, folder: Path, package: str = "") -> list[str]:
    """Return hints on a live request that may show more: to a second caller, or with a message.

    *folder* is where the app's source is, *package* the app's top-level package.
    """
    hints = []
    if call.method == WEBSOCKET and not call.body:
        hints.append(
            f"Nothing was sent on {call}; if it waits for a message, give the first one with -d."
        )
    handler = handler_of(call.path, folder, package) if concurrency == 1 else None
    if handler and source.holds_lock(handler):
        hints.append(
            f"{handler.function}() holds a lock across an await, and one caller never waits for "
            f"another: --concurrency 2 shows what a second caller meets."
        )
    return hints


def not_checked(route: WindowReport, why: str) -> WindowReport:
    """Return the report of a live window, whose request the app refused."""
    notes = tuple(note for note in route.notes if f"{route.during} itself answered" not in note)
    return replace(route, verdict=Verdict.NOT_CHECKED, because=f"it {why}", notes=notes)


def not_tried(call: str, why: object) -> WindowReport:
    """Return the report of a request for which no window ran, or none to its end."""
    because = f"it was not tried: {why}"
    return WindowReport(call, Verdict.NOT_CHECKED, Probes(0, 0), None, None, 0.0, because=because)


def all_refused(refused: Sequence[WindowReport]) -> str:
    """Say in a line that the app refused every request."""
    lines = [f"{each.during} {each.because.removeprefix('it ')}" for each in refused]
    more = f"; and {len(lines) - _NAMED} more" if lines[_NAMED:] else ""
    return "; ".join(lines[:_NAMED]) + more
