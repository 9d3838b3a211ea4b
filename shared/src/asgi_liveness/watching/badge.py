"""What the badge of a watch says. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgi_liveness.page.badge import LABEL, Badge
from asgi_liveness.stalls import quote

if TYPE_CHECKING:
    from asgi_liveness.watching.report import WatchReport


def badge(report: WatchReport) -> Badge:
    """Return the verdict, with the line that blocked for the longest or the fullest pool's."""
    message = report.verdict
    if not report.processes:
        return Badge(LABEL, "no event loop was watched", None)
    if message == "live":
        return Badge(LABEL, message, good=True)
    lines = [row.culprit for row in report.culprits if row.is_finding and row.culprit]
    if message == "stalled":
        where = f"{quote.module(lines[0])}:{lines[0].line}" if lines else ""
    else:
        where = report.starved[0].where
    return Badge(LABEL, f"{message} at {where}" if where else message, good=False)
