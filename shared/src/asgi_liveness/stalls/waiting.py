"""What the probe's own task awaits, where the event loop is idle and no pool is full. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from asgi_liveness.stalls import stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.serving.records import Frame, TaskStack


class Waiting(NamedTuple):
    """Where the probes wait, and where another task is that may hold what they wait for."""

    frame: Frame
    below: Frame
    """The innermost frame, mostly of a lock or a pool of connections."""
    holder: Frame | None
    """Where the most other tasks of the app are."""
    tasks: int
    """How many tasks wait there."""


def waiting(tasks: Sequence[TaskStack], package: str) -> Waiting | None:
    """Return where most tasks of requests wait; None if no task shows code of the app."""
    places: Counter[tuple[Frame, Frame]] = Counter()
    for task in tasks:
        blamed = [task.stack[at] for at in stack.blamed(task.stack, package)]
        if blamed and not stack.is_serving(stack.installed(blamed[-1].file)):
            places[blamed[-1], task.stack[0]] += task.count
    if not places:
        return None
    ((frame, below), count), *others = places.most_common()
    holders = [other for (other, _), _ in others if stack.is_of_app(other.file, package)]
    return Waiting(frame, below, holders[0] if holders else None, count)
