"""Every section is there, whole, at each width, in light and dark, printed and without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from asgi_liveness.conformance import page as conformance
from asgi_liveness.conformance.report import ConformanceReport
from asgi_liveness.page.html import render
from tests.browser.conftest import Opener, box
from tests.kit.page.made_up import large, page
from tools.comparison import ROOT

WIDTHS = (360, 768, 1440)
EVERY = render(page())
TOO_WIDE = """() => {
  const wide = [];
  const scrolls = (node) => node.closest(".scroll, pre, .tip, .skip, .boxes, .axis");
  for (const node of document.body.querySelectorAll("*")) {
    if (scrolls(node) && !node.matches(".scroll, pre")) continue;
    if (node.ownerSVGElement) continue;
    const box = node.getBoundingClientRect();
    if (box.width && box.right > document.documentElement.clientWidth + 1) {
      wide.push(`${node.tagName}.${node.className.baseVal ?? node.className} ${box.right}`);
    }
  }
  if (document.documentElement.scrollWidth > innerWidth) wide.push("the page scrolls");
  return wide;
}"""


def sections(tab: Page) -> list[str]:
    """The anchors of the sections that have a height, in their order."""
    found = tab.locator("section").all()
    return [str(row.get_attribute("id")) for row in found if box(row)["height"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_section_renders_and_nothing_overflows(
    opened: Opener, width: int, scheme: str
) -> None:
    tab = opened(EVERY, width=width, scheme=scheme)
    assert sections(tab) == [section.anchor for section in page().sections]
    assert tab.evaluate(TOO_WIDE) == []
    for fold in tab.locator("summary").all():
        fold.evaluate("node => { node.parentElement.open = true; }")
    assert tab.evaluate(TOO_WIDE) == []
    assert tab.locator(".verdict").inner_text().strip() == page().sentence


def test_a_planted_wide_element_is_found(opened: Opener) -> None:
    tab = opened(EVERY, width=360)
    tab.evaluate("document.querySelector('.prose').style.width = '500px'")
    assert tab.evaluate(TOO_WIDE)


def test_the_page_of_the_whole_matrix_opens_without_a_jump(opened: Opener) -> None:
    tab = opened(render(large()), width=1440)
    tab.wait_for_timeout(300)
    assert tab.locator("tbody tr").count() == 702
    assert tab.evaluate("window.shifts") == 0
    assert tab.evaluate(TOO_WIDE) == []


def test_a_planted_jump_is_found(opened: Opener) -> None:
    tab = opened(EVERY)
    tab.wait_for_timeout(200)
    tab.evaluate(
        "document.querySelector('h1').insertAdjacentElement('beforebegin',"
        "Object.assign(document.createElement('p'), { textContent: 'late', className: 'verdict' }))"
    )
    tab.wait_for_function("window.shifts > 0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_printed_page_has_everything_on_white(opened: Opener, scheme: str) -> None:
    tab = opened(EVERY, width=720, scheme=scheme)
    tab.emulate_media(media="print", color_scheme="dark" if scheme == "dark" else "light")
    assert sections(tab) == [section.anchor for section in page().sections]
    assert tab.evaluate(TOO_WIDE) == []
    assert not tab.locator("nav").is_visible()
    assert not tab.locator(".filters").first.is_visible()
    white = "getComputedStyle(document.body).backgroundColor"
    assert tab.evaluate(white) == "rgb(255, 255, 255)"
    # What is folded is printed as well, without a script that unfolds it.
    folded = "document.querySelector('.fold .inside').getBoundingClientRect().height"
    assert tab.evaluate(folded) > 20
    assert tab.pdf()[:4] == b"%PDF"


def test_a_page_without_scripts_shows_everything(opened: Opener) -> None:
    tab = opened(EVERY, java_script_enabled=False)
    assert tab.locator("section").count() == len(page().sections)
    assert tab.locator(".track path").count() > 10
    assert tab.locator("tbody tr").first.is_visible()
    assert not tab.locator(".filters").first.is_visible()
    tab.locator(".more summary").first.click()
    assert tab.locator(".more p").first.is_visible()
    assert tab.locator(".verdict").is_visible()


def test_forced_colours_keep_the_marks_apart(opened: Opener) -> None:
    tab = opened(EVERY, forced_colors="active")
    for kind in ("ok", "late", "no"):
        stroke = f"getComputedStyle(document.querySelector('.track .{kind}')).stroke"
        assert tab.evaluate(stroke) != "none", kind
    for sign in tab.locator(".word .sign").all()[:3]:
        assert sign.bounding_box()


def test_the_page_of_the_recorded_comparison_renders(opened: Opener) -> None:
    recorded = ConformanceReport.load(ROOT / "results" / "comparison.json")
    made = conformance.page(recorded)
    tab = opened(render(made))
    assert sections(tab) == [section.anchor for section in made.sections]
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate(TOO_WIDE) == [], width
