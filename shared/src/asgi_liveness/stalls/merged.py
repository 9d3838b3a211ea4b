"""Samples that show the same frames, as one stack with their number. Pure, and bounded."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from asgi_liveness.stalls import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asgi_liveness.serving.records import Frame, Sample

MOST: Final = 50
"""Stacks that a report keeps of one window, those with the most samples."""
_DEEPEST: Final = 60
"""Frames that are kept of one stack, the innermost: a stack of FastAPI with its server has 40."""


class MergedStack(NamedTuple):
    """Samples that show the same frames."""

    samples: int
    frames: tuple[str, ...]
    """From the outermost to the innermost, as ``app/report.py:12 in report()``."""


def merged(samples: Iterable[Sample], most: int = MOST) -> tuple[MergedStack, ...]:
    """Return the stacks of *samples*, that with the most samples first."""
    counted = Counter(sample.stack[:_DEEPEST] for sample in samples if sample.stack)
    return tuple(MergedStack(times, _words(stack)) for stack, times in counted.most_common(most))


def _words(stack: tuple[Frame, ...]) -> tuple[str, ...]:
    return tuple(quote.frame(frame) for frame in reversed(stack))
