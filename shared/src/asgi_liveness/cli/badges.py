"""``report --badge FORMAT=FILE``: the badge of a recorded report."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from asgi_liveness.cli import outputs
from asgi_liveness.errors import UsageError
from asgi_liveness.foreign import plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from asgi_liveness.cli.arguments import Parser
    from asgi_liveness.cli.recorded import Recorded
    from asgi_liveness.page.badge import Badge

_FORMS: Final = ("svg", "json")
_FLAG: Final = "--badge"


def add_badges(parser: Parser) -> None:
    """Add the option."""
    parser.add_argument(
        _FLAG,
        action="append",
        default=[],
        metavar="FORMAT=FILE",
        help="write a badge: svg, or json for the endpoint of shields.io",
    )


def write(report: Recorded, texts: Sequence[str], recorded: Path) -> bool:
    """Write the badges of a *report* that was read from *recorded*; return whether all could be.

    Raises ``UsageError`` for a bad option; a badge never replaces the report that it is of.
    """
    from asgi_liveness.page import badge

    for text in texts:
        name = text.partition("=")[2]
        if name and outputs.is_same(recorded, name):
            raise UsageError(f"{_FLAG} {text!r}: that is the report itself; name another")
    wanted = outputs.parse_outputs(texts, _FORMS, _FLAG)
    made = {"svg": badge.svg, "json": badge.endpoint}
    unwritten = outputs.write(wanted, lambda form: made[form](*of(report)))
    for line in unwritten:
        print(f"asgi-liveness: {plain(line)}", file=sys.stderr)
    return not unwritten


def of(report: Recorded) -> Badge:
    """Return what the badge of a report says."""
    from asgi_liveness.checking import badge as of_check
    from asgi_liveness.checking.report import Report
    from asgi_liveness.conformance import badge as of_run
    from asgi_liveness.conformance.report import ConformanceReport
    from asgi_liveness.watching import badge as of_watch

    if isinstance(report, Report):
        return of_check.badge(report)
    if isinstance(report, ConformanceReport):
        return of_run.badge(report)
    return of_watch.badge(report)
