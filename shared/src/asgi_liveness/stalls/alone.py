"""Whether samples alone show that an event loop is frozen. It reads no file but sources.

The rule: all samples are in one callback, and no loop on its stack awaits. A loop that awaits may
have yielded between two samples, and its stacks are the same all the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.stalls import source, stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.serving.records import Frame
    from asgi_liveness.stalls.line import Line

_LIBRARY: Final = 1
"""The rank of a library's frame; see ``stack.rank_of``."""


def is_one_callback(stacks: Sequence[Sequence[Frame]], shown: Line) -> bool:
    """Whether all *stacks* have the frames from the event loop down to the line's function."""
    path = functions(shown.frames[shown.at :])
    return all(functions(stack.callback(each))[-len(path) :] == path for each in stacks)


def may_yield(frames: Sequence[Frame], package: str) -> bool:
    """Whether a loop of the app or of a library on the stack awaits."""
    called = stack.callback(frames)
    return any(
        source.may_yield(frame)
        for at, frame in enumerate(called)
        if stack.rank_of(called, at, package) <= _LIBRARY
    )


def functions(frames: Sequence[Frame]) -> list[tuple[str, str]]:
    """Return the functions of frames, each with its file."""
    return [(frame.file, frame.function) for frame in frames]
