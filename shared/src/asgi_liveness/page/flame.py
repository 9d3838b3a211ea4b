"""Merges samples into boxes, the outermost frame on top. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asgi_liveness.page.model import Stack

_NARROWEST: Final = 1 / 400  # of the whole: about two pixels
_MOST_BOXES: Final = 600
_CHAIN: Final = 7
"""Frames that all samples of a branch share before the middle ones become one box."""
_BEFORE: Final = 2
_AFTER: Final = 3
_MOST_FRAMES: Final = 500  # of a stack; Python itself stops at 1000


class Box(NamedTuple):
    """A frame of merged samples, as it is drawn."""

    depth: int
    left: float
    """From 0 to 1, as the width."""
    width: float
    samples: int
    name: str
    is_innermost: bool
    is_merged: bool
    """Whether the box stands for several frames."""


class FlameBoxes(NamedTuple):
    """All boxes of a flame."""

    rows: list[Box]
    samples: int
    depth: int
    """The number of levels."""
    left_out: int
    """The boxes that are too narrow to draw."""


@dataclass
class _MergedFrame:
    name: str
    samples: int = 0
    children: dict[str, _MergedFrame] = field(default_factory=dict)


def boxes(stacks: Iterable[Stack]) -> FlameBoxes:
    """Return the boxes of *stacks*, the widest of each level at the left."""
    root = _merged(stacks)
    total = max(1, root.samples)
    rows: list[Box] = []
    left_out = 0
    waiting = [(root, 0, 0.0)]
    while waiting:
        node, depth, left = waiting.pop()
        width = node.samples / total
        if width < _NARROWEST or len(rows) >= _MOST_BOXES:
            left_out += 1
            continue
        chain = _chain(node)
        for name, is_merged in _names(chain):
            innermost = not chain[-1].children and name == chain[-1].name
            rows.append(Box(depth, left, width, node.samples, name, innermost, is_merged))
            depth += 1
        found = sorted(chain[-1].children.values(), key=lambda child: -child.samples)
        for child in found:
            waiting.append((child, depth, left))
            left += child.samples / total
    rows.sort(key=lambda box: (box.depth, box.left))
    depth = max((box.depth for box in rows), default=-1) + 1
    return FlameBoxes(rows, root.samples, depth, left_out)


def _merged(stacks: Iterable[Stack]) -> _MergedFrame:
    root = _MergedFrame("all samples")
    for stack in stacks:
        samples = max(0, stack.samples)
        root.samples += samples
        node = root
        for name in stack.frames[:_MOST_FRAMES]:
            node = node.children.setdefault(name, _MergedFrame(name))
            node.samples += samples
    return root


def _chain(node: _MergedFrame) -> list[_MergedFrame]:
    """Return *node* and what follows it in all its samples."""
    chain = [node]
    while len(chain[-1].children) == 1:
        (child,) = chain[-1].children.values()
        if child.samples != node.samples:
            break
        chain.append(child)
    return chain


def _names(chain: list[_MergedFrame]) -> list[tuple[str, bool]]:
    names = [(node.name, False) for node in chain]
    if len(names) <= _CHAIN:
        return names
    middle = (f"{len(names) - _BEFORE - _AFTER} frames", True)
    return [*names[:_BEFORE], middle, *names[-_AFTER:]]
