"""What the badge of a check says. Pure."""

from __future__ import annotations

from typing import Final

from asgi_liveness.checking.report import Report, Verdict
from asgi_liveness.page.badge import LABEL, Badge
from asgi_liveness.stalls import quote

_UNKNOWN: Final = (Verdict.INCONCLUSIVE, Verdict.NOT_CHECKED)
_LINE: Final = (Verdict.STALLED, Verdict.IDLE_STALLED, Verdict.STARVED)
"""The verdicts whose culprit the badge names."""


def badge(report: Report) -> Badge:
    """Return the worst verdict, with its line if it has one, as ``stalled at app.py:12``."""
    verdict = report.verdict
    worst = next(route for route in report.routes if route.verdict is verdict)
    message = str(verdict)
    if worst.culprit and verdict in _LINE:
        message += f" at {quote.module(worst.culprit)}:{worst.culprit.line}"
    return Badge(LABEL, message, None if verdict in _UNKNOWN else report.ok)
