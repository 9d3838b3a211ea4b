"""Those who see no colour, use no pointer or hear the page get the same of it."""

from __future__ import annotations

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from asgi_liveness.page.html import render
from tests.browser.conftest import Opener, box
from tests.kit.page.made_up import page

EVERY = render(page())
FOCUSED = "document.activeElement.className.baseVal ?? document.activeElement.className"
ORDER = """() => {
  const found = [...document.querySelectorAll("[data-order]")];
  return found.sort((a, b) => a.dataset.order - b.dataset.order)
    .every((node, row) => !row || found[row - 1].compareDocumentPosition(node) & 4);
}"""


def serious(tab: Page) -> list[str]:
    """What axe finds that is serious or critical."""
    found = Axe().run(tab).response["violations"]
    return [
        f"{row['id']}: {json.dumps([node['html'][:200] for node in row['nodes'][:3]])}"
        for row in found
        if row["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened: Opener, scheme: str, width: int) -> None:
    tab = opened(EVERY, scheme=scheme, width=width)
    assert serious(tab) == []
    tab.evaluate("document.querySelectorAll('details').forEach((row) => { row.open = true; })")
    assert serious(tab) == []


def test_a_planted_button_without_a_name_is_found(opened: Opener) -> None:
    tab = opened(EVERY)
    tab.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert any(row.startswith("button-name") for row in serious(tab))


def test_the_tab_key_goes_through_the_page_in_its_order(opened: Opener) -> None:
    tab = opened(EVERY)
    tab.keyboard.press("Tab")
    assert tab.evaluate(FOCUSED) == "skip"
    seen = []
    for row in range(120):
        tab.evaluate(f"document.activeElement.dataset.order = {row}")
        seen.append(tab.evaluate(FOCUSED))
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement === document.body"):
            break
    assert tab.evaluate(ORDER)
    assert seen.index("theme") < seen.index("rows") < seen.index("copy")
    # One stop for each flame and chart, whatever is in it.
    assert sum(name.startswith("box") for name in seen) == 1
    assert seen.count("mark") == 1


def test_the_skip_link_leads_to_the_result(opened: Opener) -> None:
    tab = opened(EVERY)
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "top"


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_key_opens_the_detail_of_a_cell(opened: Opener, key: str) -> None:
    tab = opened(EVERY)
    tab.keyboard.press("Tab")  # so that the focus is one of the keyboard
    detail = tab.locator(".more").first
    detail.locator("summary").focus()
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Tab")
    assert tab.locator(".tip").inner_text() == detail.locator("p").text_content()
    tab.keyboard.press("Escape")
    assert not tab.locator(".tip").is_visible()
    tab.keyboard.press(key)
    assert detail.locator("p").is_visible()


def test_arrow_keys_read_the_probes(opened: Opener) -> None:
    tab = opened(EVERY)
    rows = tab.locator(".lanes .rows").last
    readout = tab.locator(".readout").last
    rows.focus()
    tab.keyboard.press("ArrowRight")
    assert readout.inner_text() == "GET /healthz: due at 0 ms: answered after 1 ms"
    tab.keyboard.press("ArrowDown")
    for _ in range(9):
        tab.keyboard.press("ArrowRight")
    assert readout.inner_text() == "GET /order: due at 450 ms: answered after 452 ms"
    tab.keyboard.press("ArrowDown")
    assert readout.inner_text().startswith("GET /users: /users due at 200 ms: not answered")
    assert rows.locator(".track").nth(1).get_attribute("aria-label")


def test_arrow_keys_go_through_a_flame_and_enter_widens_a_frame(opened: Opener) -> None:
    tab = opened(EVERY)
    last = tab.locator(".box").last
    before = box(last)["width"]
    tab.locator(".box").first.focus()
    tab.keyboard.press("End")
    assert "requests/api.py:115" in tab.evaluate("document.activeElement.ariaLabel")
    tab.keyboard.press("Enter")
    wide = box(last)["width"]
    assert wide > before * 1.2
    tab.keyboard.press("Escape")
    assert box(last)["width"] == pytest.approx(before, abs=6)  # the mark of the focus


def test_arrow_keys_say_the_numbers_of_a_chart(opened: Opener) -> None:
    tab = opened(EVERY)
    tab.keyboard.press("Tab")
    tab.locator(".mark").first.focus()
    tab.keyboard.press("ArrowRight")
    said = tab.evaluate("document.activeElement.ariaLabel")
    assert "10 loops, " in said
    assert tab.locator(".tip").inner_text() == said
