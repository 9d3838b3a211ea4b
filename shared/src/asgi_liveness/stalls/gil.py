"""Whether C code holds the GIL, as far as dumps from outside show. It reads no file but sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgi_liveness.stalls import source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.stalls.spy import SpiedThread


def is_held(samples: Sequence[SpiedThread]) -> bool:
    """Whether a thread is in one call of C code in all *samples*, and never without the GIL.

    Code in a loop of Python may be at the same line in all samples as well; that is no one call.
    """
    places = {each.stack[0] for each in samples if each.stack}
    holds = all(each.holds_gil for each in samples)
    return holds and len(places) == 1 and not source.repeats(places.pop())
