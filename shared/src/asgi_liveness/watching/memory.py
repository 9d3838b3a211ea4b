"""A board in this process's own memory: words of heartbeats and lines, without a file."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Any

from asgi_liveness.inside.injected import layout
from asgi_liveness.serving import records

if TYPE_CHECKING:
    from asgi_liveness.serving.records import Heartbeat


class Memory:
    """Where a watcher of this process writes. The watcher's thread adds lines, any thread reads."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.words = memoryview(bytearray(layout.SIZE)).cast("Q")
        self._lines: deque[tuple[int, dict[str, Any]]] = deque()

    def take(self) -> int:
        """Return the first word of a slot that is free from now on. Raises ``OSError``."""
        index = self.words[layout.TAKEN]
        if index == layout.LOOPS:
            raise OSError("more event loops than slots")
        self.words[layout.TAKEN] = index + 1
        return layout.HEADER + index * layout.SLOT

    def is_there(self) -> bool:
        """Return True: it is read as long as its watcher runs."""
        return True

    def write(self, slot: int, **line: Any) -> None:
        """Keep a line about the event loop of a slot; 0 is of the whole process."""
        self._lines.append((slot, line))

    @property
    def has_lines(self) -> bool:
        """Whether there are lines that nobody read."""
        return bool(self._lines)

    def lines(self) -> list[tuple[int, dict[str, Any]]]:
        """Return the lines since the last call, each with its slot."""
        return [self._lines.popleft() for _ in range(len(self._lines))]

    def heartbeat(self, slot: int) -> Heartbeat:
        """Return the heartbeat of the event loop in a slot."""
        return records.heartbeat(slot, self.words[slot : slot + layout.SLOT])

    def heartbeats(self) -> list[Heartbeat]:
        """Return the heartbeats of all event loops that were watched."""
        taken = layout.HEADER + self.words[layout.TAKEN] * layout.SLOT
        return [self.heartbeat(slot) for slot in range(layout.HEADER, taken, layout.SLOT)]
