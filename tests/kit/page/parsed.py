"""A page as html.parser reads it: its elements, and its text."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Parsed(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.parts: list[str] = []
        self.within: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)
        self.close()
        self.wrong += self.within

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.within.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if self.within[-1:] == [tag]:
            self.within.pop()
        else:
            self.wrong.append(f"</{tag}> within {self.within[-3:]}")

    def handle_data(self, data: str) -> None:
        if self.within[-1:] not in (["style"], ["script"]):
            self.parts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """The elements with the names of their attributes, but for colours of sources and code."""
        return [
            (tag, tuple(attributes))
            for tag, attributes in self.elements
            if tag != "span" or attributes.get("class") not in SOURCE_COLOURS
        ]

    def having(self, name: str, value: str) -> list[str]:
        return [
            tag
            for tag, attributes in self.elements
            if value in (attributes.get(name) or "").split()
        ]


SOURCE_COLOURS = {"code", "co", "st", "nu", "kw", "de", "fu"}
