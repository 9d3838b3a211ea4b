"""What the badge of a conformance run says. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.page.badge import LABEL, Badge

if TYPE_CHECKING:
    from asgi_liveness.conformance.report import ConformanceReport

_FINE: Final = (Outcome.PASSED, Outcome.DIFFERS, Outcome.RECORDED)


def badge(report: ConformanceReport) -> Badge:
    """Return how many cells are as they should be, of all that apply, as ``144 of 144``."""
    verdicts = report.verdicts
    cells = len(report.cells) - verdicts[Outcome.NOT_APPLICABLE]
    if not cells:
        return Badge(LABEL, "no case was judged", None)
    fine = sum(verdicts[outcome] for outcome in _FINE)
    unknown = report.exit_code == 3  # noqa: PLR2004 (the exit code of inconclusive)
    return Badge(LABEL, f"{fine} of {cells}", None if unknown else report.exit_code == 0)
