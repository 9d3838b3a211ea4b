"""A real browser: the installed Chromium, which opens pages from the disk.

The rule: a page that a test opened has sent no request, broken no rule of its policy and printed
nothing to the console; that is checked at the end of each test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    FloatRect,
    Locator,
    Page,
    Request,
    Route,
    sync_playwright,
)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "no browser is installed: apt-get install chromium"
WATCHED = """
window.broken = [];
window.shifts = 0;
addEventListener("securitypolicyviolation", (event) => {
  broken.push(`${event.violatedDirective} ${event.blockedURI}`);
});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) shifts += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
Opener = Callable[..., Page]


def box(locator: Locator) -> FloatRect:
    """Return where an element is; it must be visible."""
    found = locator.bounding_box()
    assert found is not None
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.fail(MISSING, pytrace=False)
    # Chromium has no sandbox for root, who runs the tests in containers.
    alone = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=alone)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    """Open a page from the disk, in a browser of *width* with *scheme* colours."""
    wrong: list[str] = []
    pages: list[Page] = []

    def requested(route: Route, request: Request) -> None:
        if request.url.partition("#")[0] == (tmp_path / "page.html").as_uri():
            route.continue_()
        else:
            wrong.append(f"request: {request.url}")
            route.abort()

    def open_page(
        html: str, *, width: int = 1440, scheme: Any = "light", hash_: str = "", **context: Any
    ) -> Page:
        (tmp_path / "page.html").write_text(html)
        size = {"width": width, "height": 900}
        tab = browser.new_context(
            viewport={"width": size["width"], "height": size["height"]},
            color_scheme=scheme,
            reduced_motion="reduce",
            **context,
        ).new_page()
        tab.set_default_timeout(60_000)
        tab.add_init_script(WATCHED)
        tab.on("console", lambda message: wrong.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        tab.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        tab.route("**/*", requested)
        tab.goto(f"{(tmp_path / 'page.html').as_uri()}{hash_}")
        pages.append(tab)
        return tab

    open_page.wrong = wrong  # type: ignore[attr-defined]  # (one test plants something wrong)
    yield open_page
    for tab in pages:
        wrong += tab.evaluate("window.broken ?? []")
        tab.context.close()
    assert wrong == []
