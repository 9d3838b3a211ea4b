"""A culprit in its source, and merged stacks, as blocks of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgi_liveness.page.model import Facts, Flame, Prose, Source, Sources, Stack
from asgi_liveness.stalls import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asgi_liveness.page.model import Block
    from asgi_liveness.stalls.culprit import Culprit
    from asgi_liveness.stalls.merged import MergedStack


def culprit_blocks(culprit: Culprit) -> Iterator[Block]:
    """Yield the culprit in its source, and how the event loop got there."""
    where = quote.frame(culprit)
    lines = culprit.around or ((culprit.source,) if culprit.source else ())
    if lines:
        first = culprit.first if culprit.around else culprit.line
        yield Sources((Source(where, first, lines, culprit.line),))
    else:
        yield Prose(where)
    rows = [("samples at this line", f"{culprit.seen} of {culprit.looks}")] * bool(culprit.looks)
    if culprit.below:
        rows.append(("which called", quote.frame(culprit.below)))
    rows += [("called from", quote.frame(caller)) for caller in culprit.callers]
    if culprit.way:
        rows.append(("how it got there", " > ".join(culprit.way)))
    if culprit.handler:
        rows.append(("runs before or after", quote.frame(culprit.handler)))
    if rows:
        yield Facts(tuple(rows))


def stack_blocks(stacks: Sequence[MergedStack]) -> Iterator[Block]:
    """Yield the samples as a flame, if there are any."""
    if stacks:
        samples = sum(stack.samples for stack in stacks)
        counted = f"{samples} sample{'s' * (samples != 1)}"
        yield Flame(
            tuple(Stack(*stack) for stack in stacks),
            f"{counted} of the event loop's thread while it was blocked",
        )
