"""``asgi-liveness diff``: its arguments, and what it prints."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from asgi_liveness.changes import Comparison
    from asgi_liveness.cli.arguments import Parser
    from asgi_liveness.cli.recorded import Recorded

_DESCRIPTION: Final = """\
What got better, worse, new or gone from one recorded report to a later one?

Both are JSON of the same kind: two checks, two watches, or two conformance runs. Times and figures
count only where they differ by more than the noise that both recorded; they are never worse.
"""
_EPILOG: Final = """\
examples:
  asgi-liveness diff before.json after.json
  asgi-liveness diff main.json branch.json --format md
  asgi-liveness diff results/comparison.json out/fastapi.json --partial

exit codes: 0 nothing got worse, 1 something did, 2 they cannot be compared
"""


def add_diff(parser: Parser) -> None:
    """Add the arguments of ``diff``."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.add_argument("old", type=Path, metavar="OLD", help="JSON of the earlier report")
    parser.add_argument("new", type=Path, metavar="NEW", help="JSON of the later one")
    parser.add_argument("--format", choices=("text", "md"), default="text")
    parser.add_argument("--html", metavar="FILE", help="write it as a page as well")
    parser.add_argument(
        "--partial",
        action="store_true",
        help="the later one is of a part, as of -k LIVE: what it lacks is not gone",
    )
    parser.add_argument("--verbose", action="store_true", help="print every row")
    parser.set_defaults(action=_diff)


def _diff(args: argparse.Namespace) -> int:
    from asgi_liveness.cli import diff_formats, pages, step_summary
    from asgi_liveness.cli.colour import painter
    from asgi_liveness.cli.recorded import load

    found = compare(load(args.old), load(args.new), args.old, args.new)
    if args.partial:
        found = found.without_gone()
    old, new = str(args.old), str(args.new)
    paint = painter(sys.stdout)
    if args.format == "md":
        text = diff_formats.markdown(found, old, new)
    else:
        text = diff_formats.text(found, old, new, verbose=args.verbose, paint=paint)
    print(text, end="", flush=True)
    is_written = True
    if args.html:
        page = diff_formats.page(found, old, new)
        is_written = pages.write(page, args.html, [args.old, args.new])
    step_summary.append(lambda: diff_formats.markdown(found, old, new))
    return found.exit_code or (0 if is_written else 2)


def compare(old: Recorded, new: Recorded, *paths: Path) -> Comparison:
    """Return what changed; *paths* name both in the ``UsageError`` for two kinds."""
    from asgi_liveness.checking import changes as of_check
    from asgi_liveness.checking.report import Report
    from asgi_liveness.conformance import changes as of_run
    from asgi_liveness.conformance.report import ConformanceReport
    from asgi_liveness.watching import changes as of_watch
    from asgi_liveness.watching.report import WatchReport

    if isinstance(old, Report) and isinstance(new, Report):
        return of_check.compare(old, new)
    if isinstance(old, ConformanceReport) and isinstance(new, ConformanceReport):
        return of_run.compare(old, new)
    if isinstance(old, WatchReport) and isinstance(new, WatchReport):
        return of_watch.compare(old, new)
    kinds = {Report: "a check", ConformanceReport: "a run", WatchReport: "a watch"}
    (first, second), (one, other) = paths, (kinds[type(report)] for report in (old, new))
    raise UsageError(
        f"{first} is the report of {one} and {second} that of {other}; compare two of one kind"
    )
