"""What blocks an event loop during a test: in its own loop, or in that of an app in a thread.

The rule: a test fails only for a line. A stall that no line explains is one of a busy machine, or
too short to see, and it fails nothing.
"""

from __future__ import annotations

import sys
import textwrap
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from asgi_liveness.foreign import plain
from asgi_liveness.inside.injected.hook import Hook
from asgi_liveness.inside.injected.watcher import Watcher
from asgi_liveness.serving import records
from asgi_liveness.stalls import quote
from asgi_liveness.stalls.advice import advice
from asgi_liveness.stalls.cause import cause, passing
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.stalls.culprit import culprit_of
from asgi_liveness.stalls.stalls import LoopRecord, stalls
from asgi_liveness.watching.memory import Memory

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from asgi_liveness.inside.injected.pulse import Pulse
    from asgi_liveness.serving.records import Frame
    from asgi_liveness.stalls.stalls import Stall

_ROUNDS: Final = 2
"""Rounds of the watcher after which all is written that had ended; the first may be under way."""
_WIDTH: Final = 80  # columns of the advice
_ROUNDS_LIMIT: Final = 5.0  # seconds that they may take, on a machine that is very busy


class GateWatcher(Watcher):
    """The watcher of all event loops of this process, whether they serve or not."""

    def __init__(self, memory: Memory, max_stall: float) -> None:
        self._rounds = 0
        super().__init__(memory, max_stall)

    def settle(self) -> None:
        """Wait until all stalls that have ended are written; do not wait if there are none."""
        if not any(pulse.ended for pulse in [*list(self._pulses.values()), *self._free]):
            return
        wanted, until = self._rounds + _ROUNDS, time.monotonic() + _ROUNDS_LIMIT
        while self._rounds < wanted and self.thread.is_alive() and time.monotonic() < until:
            time.sleep(self._period)

    def _counting(self, running: list[Pulse]) -> list[Pulse]:
        return running

    def _look_around(self, now: int) -> None:
        super()._look_around(now)
        self._rounds += 1


class GateHook(Hook):
    """The hook of event loops, also for uvloop where it was imported before."""

    def __init__(self, watch: Callable[[], Watcher]) -> None:
        super().__init__(watch)
        self._undo: Callable[[], None] | None = None

    def put_in(self) -> None:
        """Watch the event loops that come to run from now on."""
        super().put_in()
        # uvloop keeps the function that it finds when it is imported.
        loop_class = getattr(sys.modules.get("uvloop"), "Loop", None)
        if loop_class is not None:
            run_forever = loop_class.run_forever
            self._undo = partial(setattr, loop_class, "run_forever", run_forever)

            def watched(loop: asyncio.AbstractEventLoop) -> None:
                self.follow(loop)
                try:
                    run_forever(loop)
                finally:
                    self.follow(None)

            loop_class.run_forever = watched

    def take_out(self) -> None:
        """Watch no event loop from now on."""
        super().take_out()
        if self._undo is not None:
            self._undo()


@dataclass(frozen=True)
class Blocking:
    """A line that blocked an event loop during a test."""

    frame: Frame
    text: str
    """The line, for how long it blocked, its source, and what to do."""


@dataclass(frozen=True)
class Blocked:
    """What blocked the event loops during a test."""

    lines: tuple[Blocking, ...] = ()
    unexplained: int = 0
    """Stalls of which no sample shows a line."""


class Gate:
    """The event loops of this process, judged by one limit, in seconds."""

    def __init__(self, max_stall: float) -> None:
        self.max_stall = max_stall
        self._memory = Memory()
        self._watcher: GateWatcher | None = None
        self._hook = GateHook(self._watch)
        self._began = 0.0
        self._hook.put_in()

    def _watch(self) -> Watcher:
        self._watcher = GateWatcher(self._memory, self.max_stall)
        return self._watcher

    def close(self) -> None:
        """Watch nothing from now on, and wait for the end of the thread."""
        self._hook.take_out()
        if self._watcher is not None:
            self._watcher.thread.join(_ROUNDS_LIMIT)

    def begin(self) -> None:
        """Judge what comes from now on."""
        self._memory.lines()
        self._began = time.monotonic()

    def end(self) -> Blocked:
        """Return what blocked event loops since the beginning."""
        ended = time.monotonic()
        if self._watcher is None:
            return Blocked()
        self._watcher.settle()
        record = self._record(ended)
        found = [s for s in stalls(record, Criteria(self.max_stall)) if not s.imports]
        by_line: dict[tuple[str, str], list[Stall]] = {}
        for stall in found:
            if stall.frame:
                by_line.setdefault((stall.frame.file, stall.frame.function), []).append(stall)
        return Blocked(
            tuple(_blocking(each, self.max_stall) for each in by_line.values()),
            sum(stall.line is None for stall in found),
        )

    def _record(self, ended: float) -> LoopRecord:
        """Return what event loops did from the beginning to a time."""
        samples, ends, collections = [], [], []
        process = self._memory.process
        for slot, line in self._memory.lines():
            if "collected" in line:
                collections.append(records.collection(process, line))
            elif "at" in line:
                samples.append(records.sample(process, slot, line))
            elif "began" in line:
                ends.append(records.end(process, slot, line))
        return LoopRecord(
            began=self._began,
            ended=ended,
            heartbeats=tuple(self._memory.heartbeats()),
            samples=tuple(samples),
            ends=tuple(ends),
            collections=tuple(collections),
        )


def _blocking(found: list[Stall], max_stall: float) -> Blocking:
    """Return the line of stalls in the same function, as the longest shows it."""
    worst = max(found, key=lambda stall: stall.length)
    assert worst.line is not None
    line = passing(worst.line, "")
    culprit = culprit_of(line, len(worst.samples), "", None)
    times = "" if len(found) == 1 else f"{len(found)} times, at most "
    lasted = f"{times}for {worst.length:.2f} s"
    text = (
        f"{quote.frame(culprit)} stalled the event loop {lasted} (limit {max_stall:g} s)",
        "",
        *quote.source(culprit),
        "",
        *textwrap.wrap(advice(cause(line, worst, "", ())), _WIDTH, break_on_hyphens=False),
    )
    return Blocking(line.frame, "\n".join(map(plain, text)))
