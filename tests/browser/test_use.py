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
FRAMES = """async () => {
  const select = document.querySelector(".filters select");
  const rest = document.querySelector(".rest");
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const cost = async (value) => {
    await frame();
    const began = performance.now();
    select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
    await frame();
    return performance.now() - began;
  };
  const options = [...select.options].map((option) => option.value);
  const short = [], whole = [];
  for (let row = 0; row < 21; row++) short.push(await cost(options[row % options.length]));
  rest.click();
  for (let row = 0; row < 21; row++) whole.push(await cost(options[row % options.length]));
  return [short, whole];
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
    tab.get_by_role("button", name="Clear filters").click()
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


def test_a_long_table_is_shown_from_its_start_until_somebody_asks(opened: Opener) -> None:
    tab = opened(render(large()))
    count, rest = tab.locator(".filters output"), tab.get_by_role("button", name="other rows")
    assert tab.evaluate(VISIBLE) == 100
    expect(count).to_have_text("702 rows, the first 100 shown")
    choose(tab, "framework", "Quart")
    expect(count).to_have_text("234 of 702 rows, the first 100 shown")
    rest.click()
    assert tab.evaluate(VISIBLE) == 234
    expect(count).to_have_text("234 of 702 rows")
    expect(rest).to_be_hidden()


def test_an_address_shows_a_row_beyond_the_start(opened: Opener) -> None:
    tab = opened(render(large()), hash_="#row-700")
    expect(tab.locator("#row-700")).to_be_in_viewport()


def test_a_long_table_is_printed_whole(opened: Opener) -> None:
    tab = opened(render(large()))
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.evaluate(VISIBLE) == 702


def test_a_filter_shows_sooner_than_one_of_all_rows(opened: Opener) -> None:
    short, whole = map(statistics.median, opened(render(large())).evaluate(FRAMES))
    print(f"a filter, to the next frame: {short:.1f} ms; with all 702 rows shown: {whole:.1f} ms")
    assert short < whole
