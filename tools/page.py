"""Write the page of a run of the columns, with the recorded frontier.

``python -m tools.page out/comparison.json out/comparison.html`` ends with the command that opens
the page.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.cli import outputs
from asgi_liveness.conformance import page as conformance
from asgi_liveness.conformance.report import ConformanceReport
from asgi_liveness.errors import UsageError
from asgi_liveness.foreign import plain
from asgi_liveness.page import html
from asgi_liveness.page.model import Fold, Prose, Section
from tools.bench import picture
from tools.comparison import ROOT

if TYPE_CHECKING:
    from asgi_liveness.page.model import Block, Page

FRONTIER: Final = ROOT / "results" / "frontier.json"
RECORDED: Final = "This was recorded by nox -s frontier, and not measured in this run."


def page(report: ConformanceReport, frontier: dict[str, Any]) -> Page:
    """Return the page of *report*; that of several targets has the frontier before its cases."""
    found = conformance.page(report)
    if len(report.targets) == 1:
        return found
    sections = list(found.sections)
    anchors = [section.anchor for section in sections]
    at = anchors.index("cases") if "cases" in anchors else len(sections)
    sections.insert(at, section(frontier))
    return replace(found, sections=tuple(sections))


def section(frontier: dict[str, Any]) -> Section:
    """Return the frontier: what it shows, the chart, and all of its numbers."""
    shown = picture.sentences(frontier)
    blocks: tuple[Block, ...] = (
        *([Prose(shown)] if shown else []),
        picture.chart(frontier),
        Fold("Every way, with each number of loops", (picture.numbers(frontier),)),
        Prose(RECORDED),
    )
    return Section("frontier", "Speed and waits", blocks)


def write(report: Path, target: Path) -> None:
    """Write the page of the report. Raises ``UsageError`` where either file will not do."""
    found = ConformanceReport.load(report)
    if outputs.is_same(report, str(target)):
        raise UsageError(f"{target} is the report itself; name another file")
    wanted = outputs.parse_outputs([f"html={target}"], ("html",), "page")
    text = html.render(page(found, json.loads(FRONTIER.read_text())))
    if unwritten := outputs.write(wanted, lambda _: text):
        raise UsageError(unwritten[0])


def main() -> int:
    """Write the page, and say how to open it; return 2 if that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m tools.page", description=__doc__)
    parser.add_argument("report", type=Path, help="JSON of asgi-liveness run")
    parser.add_argument("page", type=Path, help="the file of HTML to write")
    args = parser.parse_args()
    try:
        write(args.report, args.page)
    except UsageError as error:
        print(f"{parser.prog}: {plain(str(error))}", file=sys.stderr)
        return 2
    print(f"open {plain(os.path.relpath(args.page))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
