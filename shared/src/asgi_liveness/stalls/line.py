"""The line that the samples of a stall have in common.

The rule: the deepest function of the app that all samples have in common, and in it the line that
most of them show. So a loop over several helpers is to blame, and not one of its helpers. Where the
syntax is known, two things are added: a few samples at lines that run once, as when what one made
is freed, or in what such a line calls before or after, do not hide the function that most samples
show; and a helper without a loop, which runs for microseconds, is not to blame for a loop that
calls it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asgi_liveness.stalls import source, stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asgi_liveness.serving.records import Frame

    _Call = tuple[list[Frame], list[int]]
    """The frames of a callback, the innermost first, and which of them may be to blame."""

_MOSTLY: Final = 0.5
"""The part of the samples that must be in a function which a line that runs once calls."""
_NEARLY_ALL: Final = 0.8
"""The same where other samples are in other functions, which its caller calls before or after."""


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


def line(
    stacks: Iterable[Sequence[Frame]], package: str, *, ran: bool = False, held: bool = False
) -> Line | None:
    """Return the line that most *stacks* have in common; the others are of other callbacks.

    *package* and *ran* are those of ``stack.blamed``; *held* is whether C code held the GIL.
    """
    groups: dict[tuple[str, str], list[_Call]] = {}
    for each in stacks:
        if blamed := stack.blamed(each, package, ran=ran):
            frames = stack.callback(each)
            groups.setdefault(function_of(frames[blamed[0]]), []).append((frames, blamed))
    if not groups:
        return None
    group = max(groups.values(), key=len)
    depth, group = _deepest(group)
    if ran and not held and depth and _is_short_helper(group, depth):
        depth -= 1
    frame = _shown(group, depth)
    below = Counter(_below(frames, blamed, depth) for frames, blamed in group)
    most = below.most_common(1)[0][0]
    ways = [frames for frames, blamed in group if frames[blamed[depth]] == frame]
    return Line(frame, most, len(group), tuple(ways[0]))


def _deepest(group: list[_Call]) -> tuple[int, list[_Call]]:
    """Return the depth of the deepest function that the calls have in common, and those in it."""
    depth = 0
    while True:
        deeper = [(frames, blamed) for frames, blamed in group if len(blamed) > depth + 1]
        functions = Counter(function_of(frames[blamed[depth + 1]]) for frames, blamed in deeper)
        if len(functions) > 1 and _calls_in_turn(deeper, depth):
            most, times = functions.most_common(1)[0]
            if times >= _NEARLY_ALL * len(group):
                functions = Counter({most: times})
                deeper = [
                    each for each in deeper if function_of(each[0][each[1][depth + 1]]) == most
                ]
        if len(functions) != 1 or len(deeper) <= _MOSTLY * len(group):
            return depth, group
        if len(deeper) < len(group) and not source.runs_once(_shown(deeper, depth)):
            return depth, group
        depth, group = depth + 1, deeper


def _calls_in_turn(deeper: list[_Call], depth: int) -> bool:
    """Whether lines that run once call functions, one after the other."""
    return all(source.runs_once(frames[blamed[depth]]) for frames, blamed in deeper)


def _is_short_helper(group: list[_Call], depth: int) -> bool:
    """Whether the function at *depth* calls nothing in Python and has no loop, but its caller."""
    calls_nothing = all(blamed[depth] == 0 for _, blamed in group)
    helper, caller = _shown(group, depth), _shown(group, depth - 1)
    return calls_nothing and source.is_without_loop(helper) and source.repeats(caller)


def _shown(group: list[_Call], depth: int) -> Frame:
    """Return the frame at *depth* that most calls show."""
    return Counter(frames[blamed[depth]] for frames, blamed in group).most_common(1)[0][0]


def _below(frames: list[Frame], blamed: list[int], depth: int) -> Frame | None:
    at = blamed[depth]
    if depth < len(blamed) - 1:
        return frames[blamed[-1]]
    return frames[at - 1] if at else None


def function_of(frame: Frame) -> tuple[str, str]:
    """Return what identifies the function of a frame: its file, and its name."""
    return frame.file, frame.function
