"""Text from outside controls no terminal, no direction, no line and no workflow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_liveness.foreign import cut, every_text, fenced, markdown, plain, plain_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ÄÖ 日本 😀", "plain ÄÖ 日本 😀"),
        ("a\tb\nc\r\nd\v\f\x85\u2028\u2029e", "a b c  d     e"),
        ("\x1b[31mred\x1b[0m \x1b[2J\x1b[1;5Hx", "red x"),
        ("\x1b]0;a title\x07x", "x"),
        ("\x1b]8;;http://evil\x1b\\a link\x1b]8;;\x1b\\", "a link"),
        ("\x1bP1$r\x1b\\x\x1b^y\x1b\\", "x"),
        ("\x1b", "\\x1b"),
        ("\x1b]0;no end", "\\x1b]0;no end"),
        ("\x9b31mx", "\\x9b31mx"),
        ("a\0b\x07\x08", "a\\x00b\\x07\\x08"),
        ("\u202eevil\u202c \u2066x\u2069", "\\u202eevil\\u202c \\u2066x\\u2069"),
        ("\u200b\ufeff\u00ad", "\\u200b\\ufeff\\xad"),
        ("\udcff\ud800", "\\udcff\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("a\u00a0b\u3000c", "a\u00a0b\u3000c"),
        ("::error::x", ": :error::x"),
        ("log: ::set-output name=x::y", "log: : :set-output name=x::y"),
        ("##[group]x", "# #[group]x"),
        ("std::vector ::1 [::]", "std::vector ::1 [::]"),
        ("a\n::error::x", "a : :error::x"),
        ("\x1b[0m::error::x", ": :error::x"),
    ],
)
def test_a_text_becomes_plain(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text(st.characters()), st.text("\x1b[]8;0m\x07:#\\ea\n"))
def test_a_plain_text_stays_plain_and_is_safe(text: str, odd: str) -> None:
    for given_ in (text, odd, odd + text):
        shown = plain(given_)
        assert plain(shown) == shown
        assert "\n" not in shown
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)
        assert not re.search(r"(?:^|\s)::[a-z]|##\[", shown)


def test_a_long_text_is_cut() -> None:
    assert plain("x" * 10**6, 500) == "x" * 496 + " ..."
    assert plain("x" * 500, 500) == "x" * 500
    assert cut("x" * 501) == "x" * 496 + " ..."
    assert cut("x" * 501, None) == "x" * 501


def test_two_lines_that_are_meant_stay_two() -> None:
    assert plain_lines("a\x1b[0m\n::error::") == "a\n: :error::"


class Word(StrEnum):
    LIVE = "live"


class Pair(NamedTuple):
    file: str
    line: int


@dataclass(frozen=True)
class Row:
    word: Word
    pair: Pair | None
    names: tuple[str, ...]
    table: dict[str, Any]
    number: float = 0.5


def test_every_text_is_changed_wherever_it_stands() -> None:
    row = Row(Word.LIVE, Pair("a", 1), ("b", "c"), {"d": ["e", {"f": None}], "g": True})
    seen: list[tuple[str, str]] = []

    def change(text: str, name: str) -> str:
        seen.append((text, name))
        return text.upper()

    assert every_text(row, change) == Row(
        Word.LIVE, Pair("A", 1), ("B", "C"), {"D": ["E", {"F": None}], "G": True}
    )
    assert ("a", "file") in seen
    assert ("b", "names") in seen
    assert ("e", "d") in seen


def test_markdown_has_no_markup_left() -> None:
    text = "a|b <img src=x> ![x](http://e) [l](u) *b* _i_ `c` ~s~ &lt; \\ #1\n| x |"
    assert markdown(text) == (
        "a\\|b &lt;img src=x> \\!\\[x\\](http://e) \\[l\\](u) \\*b\\* \\_i\\_ \\`c\\` \\~s\\~ "
        "&amp;lt; \\\\ \\#1 \\| x \\|"
    )


@pytest.mark.parametrize("inner", ["~~~~", "  ~~~~text", "~" * 20, "x"])
def test_no_line_closes_a_fence(inner: str) -> None:
    first, *lines, last = fenced(["a", inner])
    assert lines == ["a", inner]
    assert first == f"{last}text"
    assert set(last) == {"~"}
    assert len(last) >= 4
    assert last not in inner
