"""The heartbeat of an event loop: a callback that stamps a word of the board."""

from __future__ import annotations

import os
import sys
import threading
import time
from bisect import bisect_left
from typing import TYPE_CHECKING

from . import layout
from .serves import serves_of

if TYPE_CHECKING:
    import asyncio

SECOND = 10**9  # ns


class Pulse:
    """The heartbeat of the event loop that a thread runs, in a slot of the board."""

    def __init__(self, words: memoryview, slot: int, period: float, late: int) -> None:
        self._words, self._period, self._late = words, period, late
        self._due = int(period * SECOND)
        self.slot = slot
        self.loop: asyncio.AbstractEventLoop | None = None
        self.ident = 0
        self.last = self.beats = self.sampled = self.half = 0
        self.base: dict[str, int] = {}
        self.below: list[tuple[str, int, str]] = []
        self.below_since = 0
        self.ended: list[tuple[int, int]] = []
        self.is_over = False
        """Nobody reads the board any more: the next beat is the last."""
        self._handle: asyncio.TimerHandle | None = None
        self._last_loop = 0
        self._handled: BaseException | None = None
        self._failed = False
        self.set(layout.PROCESS, os.getpid())
        self.set(layout.PERIOD, self._due)
        self.set(layout.PYTHON, sys.hexversion)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Beat in *loop*, which is about to run in this thread."""
        if self._handle is not None:
            self._handle.cancel()
        self.loop, self.ident = loop, threading.get_ident()
        if id(loop) != self._last_loop:
            self._last_loop, self._handled, self._failed = id(loop), sys.exc_info()[1], False
        self._note_failure()
        module, known = type(loop).__module__.partition(".")[0], layout.KINDS
        self.set(layout.KIND, known.index(module) if module in known else len(known) - 1)
        self.set(layout.THREAD, threading.get_native_id())
        self.last = time.monotonic_ns()
        self.set(layout.BEAT_AT, self.last)
        self.note_ports()
        self.set(layout.STATE, layout.RUNS)
        self._handle = loop.call_later(self._period, self._beat, loop)

    def note_ports(self) -> None:
        """Write which ports the loop serves, and since when."""
        serves = serves_of(self.loop)
        since = serves.since if serves else 0
        self.set(layout.PORTS, serves.ports if serves else 0)
        if since != self._words[self.slot + layout.SERVES_SINCE]:
            for word in range(layout.LATE_BY, layout.SLOT):
                self.set(word, 0)  # how late it was before is of its start
        self.set(layout.SERVES_SINCE, since)

    def stop(self) -> None:
        """Stop beating: a loop that has stopped does not stall, and a stall that it was in ends."""
        handle, self.loop, self._handle = self._handle, None, None
        if handle is not None:
            handle.cancel()
            self._note_end(self.last, time.monotonic_ns())
        self._note_failure()
        self.set(layout.STATE, layout.FAILED if self._failed else layout.STOPPED)

    def _note_failure(self) -> None:
        """Note an exception that ended the loop. It runs once more then, to cancel its tasks."""
        raised = sys.exc_info()[1]
        if raised is not self._handled and not isinstance(raised, KeyboardInterrupt):
            self._failed = True

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is not self.loop or self.is_over:
            return
        now, last = time.monotonic_ns(), self.last
        self.last = now
        self.beats += 1
        self.set(layout.BEAT_AT, now)
        self._count(max(now - last - self._due, 0))
        self._note_end(last, now)
        self._handle = loop.call_later(self._period, self._beat, loop)

    def _note_end(self, last: int, now: int) -> None:
        """Note the end of a stall, if so much time since the last beat is one."""
        if now - last > self._late:
            self.ended.append((last, now))

    def _count(self, late_by: int) -> None:
        """Count a beat that was late by so many ns."""
        self._words[self.slot + layout.LATE_BY] += late_by
        self._words[self.slot + layout.LATE + bisect_left(layout.EDGES, late_by)] += 1

    def set(self, word: int, value: int) -> None:
        """Write a word of the slot."""
        self._words[self.slot + word] = value
