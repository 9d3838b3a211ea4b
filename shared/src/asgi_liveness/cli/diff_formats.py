"""What changed between two reports: as text for a terminal, as Markdown, and as a page. Pure."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from asgi_liveness.changes import ChangeKind
from asgi_liveness.foreign import MOST, cut, plain
from asgi_liveness.foreign import markdown as markup_free
from asgi_liveness.page.model import Page, Prose, Section, Table, TableCell, Tone

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asgi_liveness.changes import Change, Comparison

    Paint = Callable[[str, str], str]
    """Colours a text as the word after it says."""

_WIDTH: Final = 88  # columns of running text
_NAME: Final = 72  # columns up to which the words of a section stand below each other
_ROWS: Final = 20  # of one section, in the short text
_TITLES: Final = {
    ChangeKind.WORSE: "worse",
    ChangeKind.BETTER: "better",
    ChangeKind.UNSURE: "not comparable",
    ChangeKind.CHANGED: "changed",
    ChangeKind.NEW: "new",
    ChangeKind.GONE: "gone",
}
_PAINTED: Final = {
    ChangeKind.WORSE: "failed",
    ChangeKind.BETTER: "passed",
    ChangeKind.UNSURE: "inconclusive",
}
"""The word whose colour a section has."""
_TONES: Final = {
    ChangeKind.WORSE: Tone.BAD,
    ChangeKind.UNSURE: Tone.UNSURE,
    ChangeKind.BETTER: Tone.GOOD,
}
_MEANING: Final = {
    ChangeKind.UNSURE: "one of the two could not be judged",
    ChangeKind.CHANGED: "the verdict is the same",
}


def text(
    comparison: Comparison,
    old: str,
    new: str,
    *,
    verbose: bool = False,
    paint: Paint = lambda text, _: text,
) -> str:
    """Return what changed from the file *old* to the file *new*; *verbose* leaves no row out."""
    parts = [f"from {plain(old)}\nto   {plain(new)}"]
    for kind, title in _TITLES.items():
        rows = comparison.of(kind)
        if not rows:
            continue
        kept = rows if verbose else rows[:_ROWS]
        meaning = f" ({_MEANING[kind]})" if kind in _MEANING else ""
        lines = [f"{paint(title.upper(), _PAINTED.get(kind, ''))}{meaning}", *_rows(kept)]
        if len(kept) < len(rows):
            lines.append(f"  and {len(rows) - len(kept)} more: --verbose")
        parts.append("\n".join(lines))
    if comparison.notes:
        lines = [line for note in comparison.notes for line in _wrapped(plain(note), "  ")]
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, summary(comparison)]) + "\n"


def markdown(comparison: Comparison, old: str, new: str) -> str:
    """Return the same as Markdown, with every row."""
    lines = [f"**{summary(comparison)}** From {markup_free(old)} to {markup_free(new)}."]
    if comparison.changes:
        lines += ["", "| what changed | subject | before | after | more |"]
        lines += ["| --- | --- | --- | --- | --- |"]
    for kind, title in _TITLES.items():
        for change in comparison.of(kind):
            texts = (change.subject, change.before, change.after, change.detail)
            cells = (markup_free(cut(text)) or "-" for text in texts)
            lines.append(f"| {title} | {' | '.join(cells)} |")
    if comparison.notes:
        lines += ["", *(f"- {markup_free(note)}" for note in comparison.notes)]
    return "\n".join(lines) + "\n"


def page(comparison: Comparison, old: str, new: str) -> Page:
    """Return the same as a page, with every row."""
    sections = [
        Section(
            kind.value,
            title.capitalize(),
            (
                Table(
                    ("subject", "before", "after", "more"),
                    tuple(
                        tuple(
                            TableCell(text)
                            for text in (row.subject, row.before, row.after, row.detail)
                        )
                        for row in comparison.of(kind)
                    ),
                    caption=_MEANING.get(kind, ""),
                ),
            ),
            word=str(len(comparison.of(kind))),
            tone=_TONES.get(kind, Tone.PLAIN),
        )
        for kind, title in _TITLES.items()
        if comparison.of(kind)
    ]
    if comparison.notes:
        notes = tuple(Prose(note) for note in comparison.notes)
        sections.append(Section("notes", "What counts as a change", notes))
    return Page(
        title=f"From {old} to {new}",
        sentence=summary(comparison),
        tone=next((_TONES[kind] for kind in _TONES if comparison.of(kind)), Tone.PLAIN),
        sections=tuple(sections),
    )


def summary(comparison: Comparison) -> str:
    """Return one sentence that counts the changes by their kinds."""
    number = comparison.compared
    head = f"{number} {comparison.noun}{'s' * (number != 1)} compared"
    counts = comparison.counts
    parts = [f"{counts[kind]} {title}" for kind, title in _TITLES.items() if counts[kind]]
    return f"{head}: {', '.join(parts) or 'all as before'}."


def _rows(changes: Sequence[Change]) -> list[str]:
    """Return a line for each change, and below it the detail."""
    names = [plain(change.subject, MOST) for change in changes]
    width = max(len(name) for name in names if len(name) <= _NAME or name == names[0])
    lines = []
    for name, change in zip(names, changes, strict=True):
        words = [plain(word, MOST) for word in (change.before, change.after)]
        lines.append(f"  {name:<{min(width, _NAME)}}  {_words(change.kind, *words)}")
        lines += _wrapped(plain(change.detail, MOST), "    ")
    return lines


def _words(kind: ChangeKind, before: str, after: str) -> str:
    if kind in (ChangeKind.NEW, ChangeKind.GONE):
        return before or after
    return f"{before or 'not there'} -> {after or 'not there'}"


def _wrapped(sentences: str, indent: str) -> list[str]:
    return textwrap.wrap(
        sentences,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
