"""The page: one file that no text can change the structure of."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgi_liveness.errors import UsageError
from asgi_liveness.foreign import plain
from asgi_liveness.page.html import render
from asgi_liveness.page.model import Links, Page, Section, Table, TableCell, Tone
from tests.kit.page.hostile import TEXTS, everywhere
from tests.kit.page.made_up import every_block, large, page
from tests.kit.page.parsed import Parsed

LARGEST = 1_500_000  # bytes of the whole matrix
HARMLESS = Parsed(render(everywhere("harmless"))).shape
ADDRESSES = Parsed(render(everywhere(f"https://example.org/{'h' * 40}"))).shape
MANY_WORDS = Parsed(render(everywhere("h " * 60))).shape
LONG_WORDS = Parsed(render(everywhere("h" * 60))).shape


def test_every_block_and_section_of_a_page_stands_in_it() -> None:
    found = Parsed(render(page()))
    assert found.wrong == []
    for section in page().sections:
        assert found.having("id", section.anchor) == ["section"]
        assert section.title in found.text
    for block in every_block():
        kind = type(block).__name__.lower()
        assert found.having("class", kind), kind
    assert page().sentence in found.text
    assert page().made in found.text


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_text_changes_no_element_of_the_page(name: str) -> None:
    found = Parsed(render(everywhere(TEXTS[name])))
    assert found.wrong == []
    assert found.shape in (HARMLESS, LONG_WORDS, MANY_WORDS, ADDRESSES)
    assert plain(TEXTS[name].split("\n")[0])[:400].strip() in found.text
    addresses = [attributes.get("href") or "" for _, attributes in found.elements]
    assert [
        row
        for row in addresses
        if row and not row.startswith(("#", "data:image/svg", "https://example.org/"))
    ] == []


def test_a_planted_element_is_found() -> None:
    planted = render(everywhere("harmless")).replace("harmless", "<b>harm</b>", 1)
    assert Parsed(planted).shape != HARMLESS


@settings(max_examples=8, deadline=None)
@given(st.text(st.characters(exclude_categories=()), min_size=1, max_size=30))
def test_any_text_is_text(text: str) -> None:
    found = render(everywhere(f"h{text}h"))
    assert Parsed(found).wrong == []
    assert Parsed(found).shape in (HARMLESS, LONG_WORDS)
    found.encode()


def test_the_policy_allows_the_style_and_the_script_of_the_page_alone() -> None:
    found = render(everywhere(TEXTS["end"]))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', found)
    for name in ("style", "script"):
        (text,) = re.findall(f"<{name}>(.*?)</{name}>", found, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name}-src &#39;sha256-{digest}&#39;" in policy
    assert policy.startswith("default-src &#39;none&#39;;")
    assert "unsafe" not in policy


def test_no_element_has_a_style_or_a_handler_of_its_own() -> None:
    names = {name for _, attributes in Parsed(render(page())).elements for name in attributes}
    assert not {name for name in names if name == "style" or name.startswith("on")}
    assert "src" not in names


def test_the_page_of_the_whole_matrix_is_small() -> None:
    found = render(large())
    assert len(found.encode()) < LARGEST
    assert Parsed(found).wrong == []
    assert found.count("<tr id=") == 702
    assert found.count('class="track"') >= 400


def test_an_address_of_the_web_or_the_page_alone_is_a_link() -> None:
    rows = (
        ("web", "https://example.org/a?b=c"),
        ("here", "#LIVE-002"),
        ("script", "javascript:alert(1)"),
        ("spaces", "https://example.org/ x"),
        ("data", " data:text/html,x"),
        ("file", "//example.org"),
    )
    cells = tuple((TableCell(words, Tone.PLAIN, "", to),) for words, to in rows)
    blocks = (Links(rows), Table(("name",), cells))
    found = Parsed(render(Page("t", "s", Tone.GOOD, (Section("a", "A", blocks),))))
    linked = {attributes.get("href") for tag, attributes in found.elements if tag == "a"}
    assert linked == {"#top", "#a", "https://example.org/a?b=c", "#LIVE-002"}
    assert "javascript:alert(1)" in found.text


def test_a_verdict_is_a_shape_and_a_word_not_a_colour_alone() -> None:
    rows = tuple((TableCell("12 ms", tone),) for tone in Tone)
    found = Parsed(render(Page("t", "s", Tone.BAD, (Section("a", "A", (Table(("x",), rows),)),))))
    signs = [row for tag, row in found.elements if tag == "svg" and row.get("role") == "img"]
    assert [row["aria-label"] for row in signs] == ["bad", "good", "bad", "unsure"]


def test_an_anchor_that_stands_twice_is_the_address_of_the_first() -> None:
    sections = (Section("top", "A", ()), Section("b b", "B", ()), Section("b-b", "C", ()))
    found = Parsed(render(Page("t", "s", Tone.GOOD, sections)))
    ids = [row["id"] for _, row in found.elements if "id" in row]
    assert len(set(ids)) == len(ids)
    assert found.having("href", "#b-b")


@pytest.mark.parametrize("name", ["jinja2", "pygments"])
def test_a_missing_library_is_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda wanted: None if wanted == name else find(wanted)
    )
    with pytest.raises(UsageError) as raised:
        render(page())
    assert str(raised.value) == (
        f"a page needs {name}, which is not installed here: pip install 'asgi-liveness[page]'"
    )
