"""What was seen of one process that runs already: its samples, and what it took. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from asgi_liveness.serving.records import ThreadStack
from asgi_liveness.stalls import stack
from asgi_liveness.stalls.line import Line, line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asgi_liveness.serving.records import Frame
    from asgi_liveness.stalls.spy import SpiedThread


ENOUGH: Final = 3
"""Samples that a verdict needs."""


class Usage(NamedTuple):
    """How a thread spent the time between the samples."""

    ran: float
    """The part for which it ran or waited for a processor."""
    wakes: float
    """How often a second it got a processor."""


@dataclass(frozen=True)
class Sampled:
    """What was seen of one process."""

    process: int
    dumps: tuple[tuple[SpiedThread, ...], ...]
    """All its threads, once for each sample."""
    seconds: float
    took: bool | None
    """Whether it took a connection from its port after the first sample; None if that cannot be
    known."""
    because: str = ""
    """Why it cannot."""
    used: Mapping[int, Usage] = field(default_factory=dict)
    """How each thread that runs an event loop spent the time; empty where nobody counts it."""
    package: str = ""
    """The app's, which may be an installed one; "" where it is unknown."""
    refused: str = ""
    """Why py-spy made no more samples, if it did not."""
    ended: str = ""
    """Why there was no more to sample, if the process ended meanwhile."""

    @property
    def loop(self) -> list[SpiedThread]:
        """The samples of the thread that runs an event loop.

        Of several it is the one that waits least; where none runs a loop yet, the main thread.
        """
        waiting: dict[int, list[bool]] = {}
        for thread in (each for dump in self.dumps for each in dump):
            if stack.runs_a_loop(thread.stack):
                waiting.setdefault(thread.thread, []).append(thread.waits)
        chosen = min(waiting, key=lambda one: (sum(waiting[one]), one), default=self.process)
        return [each for dump in self.dumps for each in dump if each.thread == chosen]

    @property
    def holder(self) -> Line | None:
        """Where another thread than the event loop's is that held the GIL most often."""
        loops = {thread.thread for thread in self.loop}
        holding: dict[int, list[tuple[Frame, ...]]] = {}
        for thread in (each for dump in self.dumps for each in dump):
            if thread.holds_gil and thread.thread not in loops and thread.stack:
                holding.setdefault(thread.thread, []).append(thread.stack)
        if not holding:
            return None
        stacks = max(holding.values(), key=len)
        return line(stacks, self.package) or Line(stacks[-1][0], None, len(stacks), stacks[-1])

    @property
    def threads(self) -> list[ThreadStack]:
        """All threads in the last sample."""
        return [
            ThreadStack(self.process, stack.runs_a_loop(each.stack), each.stack)
            for each in self.dumps[-1]
        ]
