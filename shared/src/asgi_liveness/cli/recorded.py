"""A recorded report of any kind: read from its JSON, and rendered as its own product does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgi_liveness.checking import badge as check_badge
from asgi_liveness.checking import page as check_page
from asgi_liveness.checking import render as check_text
from asgi_liveness.checking.report import Report
from asgi_liveness.conformance import badge as run_badge
from asgi_liveness.conformance import page as run_page
from asgi_liveness.conformance import render as run_text
from asgi_liveness.conformance.report import ConformanceReport
from asgi_liveness.errors import UsageError
from asgi_liveness.files import read_json
from asgi_liveness.watching import badge as watch_badge
from asgi_liveness.watching import formats as watch_formats
from asgi_liveness.watching import page as watch_page
from asgi_liveness.watching import screen as watch_text
from asgi_liveness.watching.report import WatchReport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asgi_liveness.page.badge import Badge
    from asgi_liveness.page.model import Page

    Paint = Callable[[str, str], str]

Recorded = Report | ConformanceReport | WatchReport
"""A report that was read from a file."""


def load(path: Path) -> Recorded:
    """Read the report of a check, a run or a watch. Raises ``UsageError`` for any other file."""
    data = read_json(path)
    keys = data.keys() if isinstance(data, dict) else ()
    if "routes" in keys:
        return Report.of_json(data, path)
    if "cells" in keys:
        return ConformanceReport.of_json(data, path)
    if "culprits" in keys:
        return WatchReport.of_json(data, path)
    raise UsageError(
        f"{path} is not a report of a check, a watch or a run; make one with --report json=FILE"
    )


def page(report: Recorded) -> Page:
    """Return the page of *report*."""
    if isinstance(report, Report):
        return check_page.page(report)
    if isinstance(report, WatchReport):
        return watch_page.page(report)
    return run_page.page(report)


def badge(report: Recorded) -> Badge:
    """Return what the badge of *report* says."""
    if isinstance(report, Report):
        return check_badge.badge(report)
    if isinstance(report, WatchReport):
        return watch_badge.badge(report)
    return run_badge.badge(report)


def text(report: Recorded, paint: Paint, *, verbose: bool) -> str:
    """Return *report* for a terminal."""
    if isinstance(report, Report):
        return check_text.text(report, paint)
    if isinstance(report, WatchReport):
        return watch_text.summary(report, paint)
    return run_text.text(report, verbose=verbose, paint=paint)


def markdown(report: Recorded) -> str:
    """Return *report* as Markdown."""
    if isinstance(report, Report):
        return check_text.markdown(report)
    if isinstance(report, WatchReport):
        return watch_formats.markdown(report)
    return run_text.markdown(report)
