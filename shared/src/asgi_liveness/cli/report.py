"""``asgi-liveness report``: recorded reports on the screen, as a page, as pictures, as badges."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from asgi_liveness.cli.arguments import Parser
    from asgi_liveness.cli.recorded import Recorded
    from asgi_liveness.page.model import Page

_EPILOG: Final = """\
examples:
  asgi-liveness report out/comparison.json --html out/index.html
  asgi-liveness report one.json two.json --html out/services.html
  asgi-liveness report check.json --svg timeline=docs/freeze.svg --badge svg=docs/live.svg
"""
_PICTURES: Final = ("timeline", "matrix")
_BADGES: Final = ("svg", "json")
_WORST: Final = (0, 3, 2, 1)
"""Exit codes, the worst last: a finding is never hidden by a report that could not be judged."""


def add_report(parser: Parser) -> None:
    """Add the arguments of ``report``."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "file", type=Path, nargs="+", help="JSON that check, watch or run wrote; several for --html"
    )
    parser.add_argument("--format", choices=("text", "md"), default="text")
    parser.add_argument("--html", metavar="FILE", help="write one page, which opens from the disk")
    parser.add_argument(
        "--svg",
        action="append",
        default=[],
        metavar="PICTURE=FILE",
        help=f"write a picture: {' or '.join(_PICTURES)}",
    )
    parser.add_argument(
        "--badge",
        action="append",
        default=[],
        metavar="FORMAT=FILE",
        help="write a badge: svg, or json for the endpoint of shields.io",
    )
    parser.add_argument("--verbose", action="store_true", help="show every window and every cell")
    parser.set_defaults(action=_report)


def _report(args: argparse.Namespace) -> int:
    from asgi_liveness.cli import pages, recorded
    from asgi_liveness.cli.colour import painter

    reports = [(path, recorded.load(path)) for path in args.file]
    (path, report), *others = reports
    if others and not args.html:
        raise UsageError("several reports go on one page: add --html FILE")
    if others and (args.svg or args.badge):
        raise UsageError("a picture or a badge is of one report: name one file")
    written = [_write_pictures(report, args.svg, path)]
    if args.html:
        written.append(pages.write(_page(reports), args.html, args.file))
    written.append(_write_badges(report, args.badge, path))
    if not (args.html or args.svg or args.badge):
        paint = painter(sys.stdout)
        is_markdown = args.format == "md"
        shown = (
            recorded.markdown(report)
            if is_markdown
            else recorded.text(report, paint, verbose=args.verbose)
        )
        print(shown, end="")
    worst = max((report.exit_code for _, report in reports), key=_WORST.index)
    return worst or (0 if all(written) else 2)


def _page(reports: Sequence[tuple[Path, Recorded]]) -> Page:
    from asgi_liveness.cli import recorded
    from asgi_liveness.page.joined import joined

    pages = [(str(path), recorded.page(report)) for path, report in reports]
    return pages[0][1] if len(pages) == 1 else joined(pages)


def _write_pictures(report: Recorded, texts: Sequence[str], path: Path) -> bool:
    """Write the pictures of a report. Raises ``UsageError`` for one that it has not."""
    from asgi_liveness.cli import pages, recorded
    from asgi_liveness.page import svg
    from asgi_liveness.page.model import Table

    wanted = pages.wanted(texts, _PICTURES, "--svg", [path])
    made: dict[str, str] = {}
    page = recorded.page(report) if wanted else None
    for form in {output.form for output in wanted}:
        assert page
        tables = (section.blocks[0] for section in page.sections if section.anchor == "matrix")
        table = next(tables, None)
        if form == "timeline" and page.picture:
            made[form] = svg.timeline_svg(page.picture, page.title)
        elif form == "matrix" and isinstance(table, Table):
            made[form] = svg.matrix_svg(table, page.title)
        else:
            raise UsageError(f"--svg {form}: {path} has no {form}")
    return pages.written(wanted, made)


def _write_badges(report: Recorded, texts: Sequence[str], path: Path) -> bool:
    """Write the badges of a report. Raises ``UsageError`` for a bad one."""
    from asgi_liveness.cli import pages, recorded
    from asgi_liveness.page import badge

    wanted = pages.wanted(texts, _BADGES, "--badge", [path])
    made = recorded.badge(report)
    return pages.written(wanted, {"svg": badge.svg(*made), "json": badge.endpoint(*made)})
