"""The line that the samples of a stall have in common. Pure.

The rule: the deepest function of the app that all samples have in common, and in it the line that
most of them show. So a loop over several helpers is to blame, and not one of its helpers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from asgi_liveness.stalls import stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asgi_liveness.serving.records import Frame


@dataclass(frozen=True)
class Line:
    """The line to blame, and what the samples show around it."""

    frame: Frame
    below: Frame | None
    """Where most samples are below it: in the app's own code, else in the code that it called."""
    seen: int
    """How many samples show this line, or another of the same call of its function."""
    frames: tuple[Frame, ...]
    """A callback of the event loop that shows it, the innermost frame first."""

    @property
    def at(self) -> int:
        """The index of the line in ``frames``."""
        return self.frames.index(self.frame)


def line(stacks: Iterable[Sequence[Frame]], package: str, *, ran: bool = False) -> Line | None:
    """Return the line that most *stacks* have in common; the others are of other callbacks.

    *package* and *ran* are those of ``stack.blamed``.
    """
    groups: dict[tuple[str, str], list[tuple[list[Frame], list[int]]]] = {}
    for each in stacks:
        if blamed := stack.blamed(each, package, ran=ran):
            frames = stack.callback(each)
            groups.setdefault(_function(frames[blamed[0]]), []).append((frames, blamed))
    if not groups:
        return None
    group = max(groups.values(), key=len)
    depth = _common_depth([[_function(frames[at]) for at in blamed] for frames, blamed in group])
    shown = Counter(frames[blamed[depth]] for frames, blamed in group)
    frame = shown.most_common(1)[0][0]
    below = Counter(_below(frames, blamed, depth) for frames, blamed in group)
    most = below.most_common(1)[0][0]
    ways = [frames for frames, blamed in group if frames[blamed[depth]] == frame]
    return Line(frame, most, len(group), tuple(ways[0]))


def _common_depth(chains: list[list[tuple[str, str]]]) -> int:
    """Return the depth of the deepest function that all *chains* of calls have in common."""
    levels = takewhile(lambda level: len(set(level)) == 1, zip(*chains, strict=False))
    return sum(1 for _ in levels) - 1


def _below(frames: list[Frame], blamed: list[int], depth: int) -> Frame | None:
    at = blamed[depth]
    if depth < len(blamed) - 1:
        return frames[blamed[-1]]
    return frames[at - 1] if at else None


def _function(frame: Frame) -> tuple[str, str]:
    return frame.file, frame.function
