"""Every section is there, whole, at each width, in light and dark, printed and without scripts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from playwright.sync_api import Page

from asgi_liveness.checking import page as check
from asgi_liveness.conformance.report import ConformanceReport
from asgi_liveness.page import model
from asgi_liveness.page.html import render
from asgi_liveness.page.joined import joined
from asgi_liveness.watching import page as watch
from tests.browser.conftest import Opener, box
from tests.kit.checking.made import LIVE, report
from tests.kit.checking.test_page import WHOLE as STALLED
from tests.kit.page.made_up import large, page
from tests.kit.watching.test_page import BUSY
from tests.kit.watching.test_page import WHOLE as WATCHED
from tests.kit.watching.test_screen import FULL, REPORT
from tests.waiting import until
from tools import page as comparison
from tools.comparison import ROOT

WIDTHS = (360, 768, 1440)
SCHEMES = ("light", "dark")
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


@pytest.mark.parametrize("scheme", SCHEMES)
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
    # The page forbids the eval with which the browser would wait for an expression.
    until(lambda: tab.evaluate("window.shifts > 0"))


@pytest.mark.parametrize("scheme", SCHEMES)
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


CHECK = check.page(report(STALLED, LIVE))
WATCH = watch.page(replace(REPORT, culprits=(WATCHED, BUSY), starved=(FULL,)))
RUN = comparison.page(
    ConformanceReport.load(ROOT / "results" / "comparison.json"),
    json.loads(comparison.FRONTIER.read_text()),
)
SEVERAL = joined([("check.json", CHECK), ("watch.json", WATCH)])


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    "made", [CHECK, WATCH, RUN, SEVERAL], ids=["check", "watch", "comparison", "several"]
)
def test_the_page_of_a_report_renders_and_fits(
    made: model.Page, scheme: str, opened: Opener
) -> None:
    tab = opened(render(made), scheme=scheme)
    assert sections(tab) == [section.anchor for section in made.sections]
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate(TOO_WIDE) == [], width


def test_every_address_of_a_page_leads_somewhere(opened: Opener) -> None:
    tab = opened(render(SEVERAL))
    lost = "[...document.querySelectorAll('a[href^=\"#\"]')].map((a) => a.hash.slice(1))"
    names = tab.evaluate(f"{lost}.filter((name) => !document.getElementById(name))")
    assert names == []


def test_an_address_unfolds_what_it_leads_to(opened: Opener) -> None:
    tab = opened(render(SEVERAL), hash_="#report-2-culprit-1")
    assert tab.locator("#report-2-culprit-1 .sources").first.is_visible()
    assert not tab.locator("#report-2-culprit-2 .lanes").first.is_visible()
