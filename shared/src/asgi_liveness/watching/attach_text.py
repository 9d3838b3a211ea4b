"""What ``attach`` prints of each process."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from asgi_liveness.stalls import quote
from asgi_liveness.watching.judged import Condition

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asgi_liveness.stalls.culprit import Culprit
    from asgi_liveness.watching.attach import Attached

    Paint = Callable[[str, str], str]
    """Colours a text as a word asks."""

_WIDTH: Final = 88  # columns of running text


def text(rows: Sequence[Attached], paint: Paint = lambda text, _: text) -> str:
    """Return the screen: a block for each process."""
    return "\n".join(_block(row, paint) for row in rows)


def _block(row: Attached, paint: Paint) -> str:
    finding = row.finding
    python = [f"Python {row.python}"] if row.python else []
    plural = "s" * (row.samples != 1)
    counted = f"{row.samples} sample{plural} in {row.seconds:.1f} s"
    lines = [" · ".join([f"{row.program}, pid {row.process}", *python, counted]), ""]
    word = paint(finding.state.upper(), finding.state)
    lines.append(f"  {word}   {finding.words}")
    several = finding.state is not Condition.FROZEN
    for culprit in finding.culprits:
        lines += _culprit(culprit, counted=several)
    for note in finding.notes:
        lines += ["", *_wrapped(note)]
    if finding.advice:
        what, more, command = finding.advice.partition(" More: ")
        lines += ["", *_wrapped(what)]
        lines += [f"  {(more + command).strip()}"] if more else []
    return "\n".join(lines) + "\n"


def _culprit(culprit: Culprit, *, counted: bool) -> list[str]:
    times = f"   {culprit.seen} of {culprit.looks} samples" if counted else ""
    lines = [f"  {quote.frame(culprit)}{times}"]
    lines += [f"    {line}" for line in quote.source(culprit)]
    if culprit.below:
        lines.append(f"  which called {quote.frame(culprit.below)}")
    if culprit.way:
        lines.append(f"  how it got there: {' > '.join(culprit.way)}")
    return lines


def _wrapped(sentence: str) -> list[str]:
    return textwrap.wrap(
        sentence,
        _WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
