"""Whatever an app puts into a report appears as text: nothing of it runs, nothing overflows."""

from __future__ import annotations

import pytest

from asgi_liveness.page.html import render
from asgi_liveness.page.svg import matrix_svg, timeline_svg
from tests.browser.conftest import Opener
from tests.browser.test_sections import TOO_WIDE, WIDTHS
from tests.kit.page.hostile import TEXTS, everywhere
from tests.kit.page.made_up import matrix


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_text_runs_nothing_and_overflows_nowhere(opened: Opener, name: str) -> None:
    tab = opened(render(everywhere(TEXTS[name])))
    tab.evaluate("document.querySelectorAll('details').forEach((row) => { row.open = true; })")
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate(TOO_WIDE) == [], width
    tab.locator(".track").first.hover()
    tab.locator(".filters select").first.select_option(index=1)
    tab.keyboard.press("Tab")
    tab.emulate_media(media="print")
    assert tab.evaluate(TOO_WIDE) == []
    assert tab.evaluate("window.hit === undefined")
    assert tab.evaluate("document.scripts.length") == 1
    assert tab.evaluate("document.querySelectorAll('main img, main b, iframe').length") == 0


@pytest.mark.parametrize("name", ["script", "quotes", "surrogate", "bidi"])
def test_a_hostile_text_in_a_picture_runs_nothing(opened: Opener, name: str) -> None:
    lanes = everywhere(TEXTS[name]).picture
    assert lanes is not None
    picture = timeline_svg(lanes, TEXTS[name]) + matrix_svg(matrix(), TEXTS[name])
    tab = opened(f"<!doctype html><title>pictures</title>{picture}")
    assert tab.locator("svg").count() >= 2
    assert tab.evaluate("window.hit === undefined")
    assert tab.evaluate("document.scripts.length") == 0


def test_a_planted_request_is_found(opened: Opener) -> None:
    tab = opened("<!doctype html><title>planted</title><img src='https://example.org/x.png'>")
    tab.wait_for_timeout(100)
    wrong: list[str] = opened.wrong  # type: ignore[attr-defined]  # (set by the fixture)
    assert "request: https://example.org/x.png" in wrong
    wrong.clear()
