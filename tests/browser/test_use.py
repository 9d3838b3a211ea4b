"""Filters, addresses, copying and colours, as people use them."""

from __future__ import annotations

import statistics

import pytest
from playwright.sync_api import Page, expect

from asgi_liveness.page.html import render
from tests.browser.conftest import Opener, box
from tests.kit.page.made_up import large, matrix, page

EVERY = render(page())
WRONG = ["#%", "#?t1.1=%E0%A4%A", "#?t9.9=x&t1.1=<b>", "#nowhere", "#a?b"]
VISIBLE = "[...document.querySelectorAll('.table tbody tr')].filter((row) => !row.hidden).length"
MEASURED = """() => {
  const table = document.querySelector(".table table");
  const select = document.querySelector(".filters select");
  const layout = () => table.getBoundingClientRect().height;
  const cost = (work) => {
    const began = performance.now();
    work();
    layout();
    return performance.now() - began;
  };
  const change = (value) => {
    select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const options = [...select.options].map((option) => option.value);
  const rebuild = () => { const body = table.tBodies[0]; body.replaceWith(body.cloneNode(true)); };
  layout();
  const filtered = [], rebuilt = [];
  for (let row = 0; row < 9; row++) {
    filtered.push(cost(() => change(options[row % options.length])));
  }
  change("");
  for (let row = 0; row < 9; row++) rebuilt.push(cost(rebuild));
  return [filtered, rebuilt];
}"""


def rows_of(**wanted: str) -> int:
    table = matrix()
    columns = {table.head.index(name): value for name, value in wanted.items()}
    return sum(
        all(row[column].text == value for column, value in columns.items()) for row in table.rows
    )


def choose(tab: Page, name: str, value: str) -> None:
    tab.locator(".filters").get_by_label(name).select_option(label=value)


def test_filters_show_the_rows_that_are_chosen_and_say_how_many(opened: Opener) -> None:
    tab = opened(EVERY)
    count = tab.locator(".filters output")
    assert count.get_attribute("aria-live") == "polite"
    choose(tab, "framework", "Quart")
    assert tab.evaluate(VISIBLE) == rows_of(framework="Quart") > 0
    choose(tab, "outcome", "failed")
    wanted = rows_of(framework="Quart", outcome="failed")
    assert tab.evaluate(VISIBLE) == wanted > 0
    expect(count).to_have_text(f"{wanted} of 24 rows")
    tab.get_by_role("button", name="Show all").click()
    assert tab.evaluate(VISIBLE) == 24
    expect(count).to_have_text("24 rows")
    assert "?" not in tab.url


def test_a_filter_is_used_by_the_keyboard(opened: Opener) -> None:
    tab = opened(EVERY)
    tab.locator(".filters").get_by_label("server").focus()
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate(VISIBLE) == rows_of(server="uvicorn/asyncio")


def test_the_address_keeps_the_filters(opened: Opener) -> None:
    tab = opened(EVERY)
    choose(tab, "server", "uvicorn/uvloop")
    assert tab.url.endswith("#?t1.2=uvicorn%2Fuvloop")
    tab.reload()
    assert tab.evaluate(VISIBLE) == rows_of(server="uvicorn/uvloop")
    assert tab.locator(".filters").get_by_label("server").input_value() == "=uvicorn/uvloop"


def test_an_address_marks_its_row_and_keeps_the_filters(opened: Opener) -> None:
    tab = opened(EVERY, hash_="#row-9?t1.1=FastAPI")
    expect(tab.locator("#row-9")).to_be_in_viewport()
    assert tab.evaluate("document.querySelector(':target').id") == "row-9"
    assert tab.evaluate(VISIBLE) < 24


def test_an_address_of_a_hidden_row_shows_it(opened: Opener) -> None:
    tab = opened(EVERY)
    choose(tab, "framework", "Quart")
    assert tab.locator("#row-0").is_hidden()
    tab.evaluate("location.hash = '#row-0'")
    expect(tab.locator("#row-0")).to_be_visible()
    assert tab.evaluate(VISIBLE) == 24


@pytest.mark.parametrize("hash_", WRONG)
def test_an_address_that_is_wrong_changes_nothing(opened: Opener, hash_: str) -> None:
    tab = opened(EVERY, hash_=hash_)
    assert tab.evaluate(VISIBLE) == 24


def test_links_of_the_page_lead_to_their_places(opened: Opener) -> None:
    tab = opened(EVERY)
    for section in page().sections:
        tab.locator(f"nav a[href='#{section.anchor}']").click()
        expect(tab.locator(f"#{section.anchor} h2")).to_be_in_viewport()
    tab.locator(".links a[href='#row-3']").click()
    assert tab.evaluate("document.querySelector(':target').id") == "row-3"
    expect(tab.locator("#row-3")).to_be_in_viewport()


def test_a_command_can_be_copied(opened: Opener) -> None:
    tab = opened(EVERY)
    button = tab.locator(".commandline .copy").first
    button.click()
    expect(button).to_have_text("Copied")


def test_a_command_is_selected_where_copying_is_refused(opened: Opener) -> None:
    tab = opened(EVERY)
    tab.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); }"
    )
    button = tab.locator(".source .copy").first
    button.focus()
    tab.keyboard.press("Enter")
    expect(button).to_have_text("Selected")
    selected = tab.evaluate("getSelection().toString()")
    assert "while loop.goes_on():" in selected
    assert "36" not in selected  # numbers of lines are no part of it


def test_the_button_changes_the_colours_and_the_page_remembers(opened: Opener) -> None:
    tab = opened(EVERY)
    paper = "getComputedStyle(document.body).backgroundColor"
    light = tab.evaluate(paper)
    tab.get_by_role("button", name="Dark colours").click()
    assert tab.evaluate(paper) != light
    tab.reload()
    assert tab.evaluate(paper) != light
    tab.get_by_role("button", name="Light colours").click()
    assert tab.evaluate(paper) == light


def test_the_pointer_says_the_numbers_of_a_probe(opened: Opener) -> None:
    tab = opened(EVERY)
    track = tab.locator(".track").nth(1)
    place = box(track)
    tab.mouse.move(place["x"] + place["width"] / 2, place["y"] + 20)
    expect(tab.locator(".tip")).to_have_text("due at 1.00 s: not answered")
    tab.mouse.move(5, 5)
    expect(tab.locator(".tip")).to_be_hidden()


def test_a_filter_of_702_rows_costs_less_than_the_table(opened: Opener) -> None:
    tab = opened(render(large()))
    filtered, rebuilt = tab.evaluate(MEASURED)
    found, whole = statistics.median(filtered), statistics.median(rebuilt)
    print(f"a filter of 702 rows: {found:.1f} ms; the table anew: {whole:.1f} ms")
    assert found < whole
