"""Take the screenshots of the documents, of pages that are made from the records.

``nox -s screenshots`` needs an installed Chromium. No test compares pictures: fonts differ from one
machine to another.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple

from playwright.sync_api import sync_playwright

from asgi_liveness.checking import page as check_page
from asgi_liveness.checking.report import Report
from asgi_liveness.conformance.report import ConformanceReport
from asgi_liveness.page import html
from tools import page
from tools.comparison import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER: Final = ROOT / "docs" / "_static"


class Shot(NamedTuple):
    """One screenshot."""

    name: str
    report: str
    """The page that is shown."""
    anchor: str
    """The section that is on top; empty for the top of the page."""
    scheme: str
    width: int
    """In pixels, as the height."""
    height: int


SHOTS: Final = (
    Shot("page-check.png", "check", "", "light", 1024, 900),
    Shot("page-compare.png", "compare", "route-blocking", "light", 1440, 860),
    Shot("page-matrix.png", "compare", "matrix", "dark", 1024, 620),
)


def pages() -> dict[str, str]:
    """Return the pages, from the recorded reports."""
    comparison = ConformanceReport.load(ROOT / "results" / "comparison.json")
    check = Report.load(ROOT / "results" / "check.json")
    frontier = json.loads(page.FRONTIER.read_text())
    return {
        "check": html.render(check_page.page(check)),
        "compare": html.render(page.page(comparison, frontier)),
    }


def take(browser: Browser, shot: Shot, file: Path) -> None:
    """Take one screenshot of the page in *file*."""
    tab = browser.new_page(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme="dark" if shot.scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    tab.goto(f"{file.as_uri()}{f'#{shot.anchor}' if shot.anchor else ''}")
    tab.screenshot(path=FOLDER / shot.name)
    tab.close()


def main() -> int:
    """Take all screenshots; return 2 without a browser."""
    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if program is None:
        print("no browser is installed: apt-get install chromium", file=sys.stderr)
        return 2
    made = pages()
    alone = ["--no-sandbox"] if os.geteuid() == 0 else []  # it has none for root
    with TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=alone)
        for shot in SHOTS:
            file = Path(name) / f"{shot.report}.html"
            file.write_text(made[shot.report])
            take(browser, shot, file)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
