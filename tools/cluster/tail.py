"""The newest events in the logs of a cluster's workers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from asgi_liveness.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POLL: Final = 0.005  # seconds
LIMIT: Final = 60.0  # seconds for an event


class Event(NamedTuple):
    """One line of a log."""

    name: str
    key: str
    owner: str
    time: float


class Tail:
    """The starts and ends in the logs of one kind of jobs."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._kind = folder, kind
        self._read: dict[Path, int] = {}
        self.events: list[Event] = []
        self.running: dict[str, str] = {}
        """The owners of the jobs whose logs have a start and no end, by id."""

    def read(self) -> None:
        """Read on from where the last call ended."""
        fresh = []
        for path in self._folder.glob(f"{self._kind}-*.log"):
            with path.open("rb") as log:
                log.seek(self._read.get(path, 0))
                text = log.read()
            text = text[: text.rfind(b"\n") + 1]
            self._read[path] = self._read.get(path, 0) + len(text)
            for line in text.decode().splitlines():
                name, key, owner, _, moment = line.split()
                if name != "step":
                    fresh.append(Event(name, key, owner, float(moment)))
        fresh.sort(key=lambda event: event.time)
        for event in fresh:
            if event.name == "start":
                self.running[event.key] = event.owner
            else:
                self.running.pop(event.key, None)
        self.events += fresh

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Read until *condition* is true. Raises ``TargetError`` after ``LIMIT``."""
        limit = time.monotonic() + LIMIT
        while True:
            self.read()
            if condition():
                return
            if time.monotonic() > limit:
                raise TargetError(f"after {LIMIT:.0f} s the logs do not show {what}")
            time.sleep(POLL)

    def find(self, what: str, condition: Callable[[Event], bool]) -> Event:
        """Wait for an event. Raises ``TargetError`` after ``LIMIT``."""
        self.wait(lambda: any(map(condition, self.events)), what)
        return next(filter(condition, self.events))
