"""Several reports on one page: a row for each, the worst first, and below all of each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from asgi_liveness.page.model import Fold, Links, Page, Prose, Section, Table, TableCell, Tone
from asgi_liveness.page.signs import TONE_WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.page.model import Block

_WORST_FIRST: Final = (Tone.BAD, Tone.UNSURE, Tone.PLAIN, Tone.GOOD)


def joined(pages: Sequence[tuple[str, Page]]) -> Page:
    """Return one page for all *pages*, each with the name of its file."""
    ordered = sorted(pages, key=lambda row: _WORST_FIRST.index(row[1].tone))
    named = [(f"report-{number}", *row) for number, row in enumerate(ordered, start=1)]
    bad = sum(page.tone is Tone.BAD for _, page in pages)
    table = Table(
        head=("report", "file", "verdict", "what it says"),
        rows=tuple(
            (
                TableCell(page.title, href=f"#{anchor}"),
                TableCell(name),
                TableCell(TONE_WORDS.get(page.tone, ""), page.tone),
                TableCell(page.sentence),
            )
            for anchor, name, page in named
        ),
        filters=("verdict",),
    )
    return Page(
        title=f"{len(pages)} reports",
        sentence=f"{bad} of {len(pages)} reports {'has' if bad == 1 else 'have'} a finding.",
        tone=ordered[0][1].tone,
        sections=(
            Section("reports", "All reports", (table,)),
            *(_section(anchor, name, page) for anchor, name, page in named),
        ),
    )


def _section(anchor: str, name: str, page: Page) -> Section:
    """Return a whole page as one section; its own addresses begin with *anchor*."""
    blocks: list[Block] = [Prose(page.sentence)]
    blocks += [page.picture] if page.picture else []
    blocks += [
        Fold(
            section.title,
            tuple(_moved(block, anchor) for block in section.blocks),
            f"{anchor}-{section.anchor}",
        )
        for section in page.sections
    ]
    made = ". ".join(part for part in (name, page.made) if part)
    return Section(
        anchor,
        page.title,
        (*blocks, Prose(made)),
        word=TONE_WORDS.get(page.tone, ""),
        tone=page.tone,
    )


def _moved(block: Block, anchor: str) -> Block:
    """Return *block* with its addresses within the page after *anchor*: two reports share names."""
    if isinstance(block, Fold):
        inner = tuple(_moved(each, anchor) for each in block.blocks)
        return replace(block, blocks=inner, anchor=block.anchor and f"{anchor}-{block.anchor}")
    if isinstance(block, Links):
        return Links(tuple((words, _address(href, anchor)) for words, href in block.rows))
    if isinstance(block, Table):
        return replace(
            block,
            rows=tuple(
                tuple(cell._replace(href=_address(cell.href, anchor)) for cell in row)
                for row in block.rows
            ),
            anchors=tuple(each and f"{anchor}-{each}" for each in block.anchors),
        )
    return block


def _address(href: str, anchor: str) -> str:
    return f"#{anchor}-{href[1:]}" if href.startswith("#") else href
