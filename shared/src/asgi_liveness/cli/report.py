"""``asgi-liveness report``: recorded reports on the screen, as a page, as pictures, as badges."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asgi_liveness.cli import outputs
from asgi_liveness.errors import UsageError
from asgi_liveness.foreign import plain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from asgi_liveness.cli.arguments import Parser
    from asgi_liveness.cli.recorded import Recorded

_EPILOG: Final = """\
examples:
  asgi-liveness report out/comparison.json --html out/index.html
  asgi-liveness report one.json two.json --html out/services.html
  asgi-liveness report check.json --svg timeline=docs/freeze.svg --badge svg=docs/live.svg
"""
_PICTURES: Final = ("timeline", "matrix")


def add_report(parser: Parser) -> None:
    """Add the arguments of ``report``."""
    from asgi_liveness.cli.badges import add_badges

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
    add_badges(parser)
    parser.add_argument("--verbose", action="store_true", help="show every window and every cell")
    parser.set_defaults(action=_report)


def _report(args: argparse.Namespace) -> int:
    from asgi_liveness.cli import badges, recorded
    from asgi_liveness.cli.colour import painter

    reports = [(path, recorded.load(path)) for path in args.file]
    (path, report), *others = reports
    if others and not args.html:
        raise UsageError("several reports go on one page: add --html FILE")
    if others and (args.svg or args.badge):
        raise UsageError("a picture or a badge is of one report: name one file")
    written = [_write_page(reports, args.html), _write_pictures(report, args.svg, path)]
    written.append(badges.write(report, args.badge, path))
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


_WORST: Final = (0, 3, 2, 1)
"""Exit codes, the worst last: a finding is never hidden by a report that could not be judged."""


def _write_page(reports: Sequence[tuple[Path, Recorded]], name: str | None) -> bool:
    from asgi_liveness.cli import recorded
    from asgi_liveness.page import html
    from asgi_liveness.page.joined import joined

    if not name:
        return True
    wanted = _wanted([f"html={name}"], ("html",), "--html", [path for path, _ in reports])
    pages = [(str(path), recorded.page(report)) for path, report in reports]
    whole = pages[0][1] if len(pages) == 1 else joined(pages)
    return _write(wanted, {"html": html.render(whole)})


def _write_pictures(report: Recorded, texts: Sequence[str], path: Path) -> bool:
    """Write the pictures of a report. Raises ``UsageError`` for one that it has not."""
    from asgi_liveness.cli import recorded
    from asgi_liveness.page import svg
    from asgi_liveness.page.model import Table

    wanted = _wanted(texts, _PICTURES, "--svg", [path])
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
    return _write(wanted, made)


def _wanted(
    texts: Sequence[str], forms: Sequence[str], flag: str, recorded: Sequence[Path]
) -> list[outputs.Output]:
    """Return the outputs. Raises ``UsageError`` for a bad one, or one that is a report itself."""
    for text in texts:
        name = text.partition("=")[2]
        if name and any(outputs.is_same(path, name) for path in recorded):
            raise UsageError(f"{flag} {text!r}: that is the report itself; name another")
    return outputs.parse_outputs(texts, forms, flag)


def _write(wanted: Sequence[outputs.Output], made: dict[str, str]) -> bool:
    """Write each output, and print where it is; return whether all could be written."""
    unwritten = outputs.write(wanted, lambda form: made[form])
    for line in unwritten:
        print(f"asgi-liveness: {plain(line)}", file=sys.stderr)
    if not unwritten:
        for output in wanted:
            if output.path:
                print(f"wrote {plain(str(output.path))}")
    return not unwritten
