"""A heartbeat in each event loop of this process, and a watcher thread for their stalls.

The heartbeat is a callback that stamps a word of a mapped file, the board, which the runner reads
from outside. While the beat is late, the watcher thread samples the stack of the loop's thread.
While C code holds the GIL, the watcher cannot run, which its own word on the board shows: then the
runner calls py-spy.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from typing import Protocol

from . import layout, stacks
from .collector import Collector
from .pulse import SECOND, Pulse
from .request import request_of
from .serves import Serves, serves_of

_WORTH_COUNTING = 0.05  # seconds of a limit: to read the counters, a sample waits for the GIL again
_REST = 0.05
"""Seconds for which the watcher rests while all loops beat. Each round costs the app a change of
threads, some 0.1 ms."""
_NOTHING = {**stacks.Spent()._asdict(), "cpu": 0}


class Writes(Protocol):
    """Where a watcher writes: words of heartbeats, and lines."""

    words: memoryview

    def take(self) -> int:
        """Return the first word of a slot that is free from now on. Raises ``OSError``."""

    def is_there(self) -> bool:
        """Whether anybody reads it."""

    def write(self, slot: int, **line: object) -> None:
        """Keep a line about the event loop of a slot; 0 is of the whole process."""


class Watcher:
    """The event loops of this process, and their stalls. *named*: samples name the request."""

    def __init__(self, board: Writes, max_stall: float, *, named: bool = False) -> None:
        self._board, self._words, self._named = board, board.words, named
        self._process = os.getpid()
        self._limit = int(max_stall * SECOND)
        self._counts = max_stall >= _WORTH_COUNTING
        self._period = layout.period(max_stall)
        self._late = self._limit + int(self._period * SECOND)
        self._rest = max(int(self._period * SECOND), min(self._limit // 2, SECOND // 10))
        self._answered = self._words[layout.REQUESTS]
        self._pulses: dict[int, Pulse] = {}
        self._free: list[Pulse] = []
        self._over = threading.Event()
        self._collector: Collector | None = None
        self.thread = threading.Thread(target=self._watch, name="asgi-liveness", daemon=True)
        self.thread.start()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Beat in *loop*, which is about to run in this thread."""
        ident = threading.get_ident()
        pulse = self._pulses.get(ident)
        if pulse is not None and pulse.loop is loop:
            return  # a loop that runs within itself (nest_asyncio) beats already
        if pulse is None:
            pulse = self._free.pop() if self._free else self._new_pulse()
        if not isinstance(getattr(loop, "create_server", None), Serves):
            with contextlib.suppress(AttributeError):  # a loop that takes no attribute
                loop.create_server = Serves(loop, self.serves)  # type: ignore[method-assign]
        pulse.start(loop)
        self._pulses[ident] = pulse
        if self._collector is None:
            self._collector = Collector(self._words, pulse.slot + layout.PASS_SINCE)

    def detach(self) -> None:
        """Stop beating in this thread, whose loop has stopped."""
        pulse = self._pulses.pop(threading.get_ident(), None)
        if pulse is not None:
            pulse.stop()
            self._free.append(pulse)

    def serves(self) -> None:
        """Write the ports of this thread's loop on the board."""
        if pulse := self._pulses.get(threading.get_ident()):
            pulse.note_ports()

    @property
    def is_over(self) -> bool:
        """Whether it watches no longer."""
        return self._over.is_set()

    def end(self) -> None:
        """Let the thread end, and then the heartbeats."""
        self._over.set()
        if self._collector is not None:
            self._collector.forget()

    def _new_pulse(self) -> Pulse:
        return Pulse(self._words, self._board.take(), self._period, self._late)

    def _watch(self) -> None:
        asked = time.monotonic_ns()
        with contextlib.suppress(OSError):
            while not self._over.wait(self._pause()):
                now = time.monotonic_ns()
                self._look_around(now)
                if now - asked > SECOND:
                    asked = now
                    if not self._board.is_there():
                        break
        self.end()
        for pulse in [*self._pulses.values(), *self._free]:
            pulse.is_over = True

    def _pause(self) -> float:
        """Return the seconds until the next round: few, once a beat is late by half the limit."""
        now = time.monotonic_ns()
        oldest = min((pulse.last for pulse in list(self._pulses.values())), default=now)
        return min(max((oldest + self._late // 2 - now) / SECOND, self._period), _REST)

    def _look_around(self, now: int) -> None:
        """Look at each event loop, and write what has ended since the last time."""
        running = list(self._pulses.values())
        for pulse in [*running, *self._free]:
            pulse.set(layout.WATCHER_RAN_AT, now)
        for pulse in self._counting(running):
            self._look(pulse, now)
        for pulse in [*running, *self._free]:
            while pulse.ended:
                began, ended = pulse.ended.pop(0)
                self._board.write(pulse.slot, began=began, ended=ended)
        passes = self._collector.passes(self._limit // 4) if self._collector else ()
        for began, ended in passes:
            self._board.write(0, collected=began, ended=ended)
        if self._answered != self._words[layout.REQUESTS]:
            self._answer(running)

    def _counting(self, running: list[Pulse]) -> list[Pulse]:
        """Return the event loops whose stalls count: those that serve, if any of them does."""
        return [pulse for pulse in running if serves_of(pulse.loop)] or running

    def _look(self, pulse: Pulse, now: int) -> None:
        """Sample the stack of a loop's thread if its beat is late."""
        waited = now - pulse.last
        if self._counts and waited > self._late // 2 and pulse.half != pulse.last:
            pulse.half, pulse.base = pulse.last, self._counted(pulse)
        # The longer a stall, the rarer its samples: some hundreds of them in an hour.
        if waited > self._late and now - pulse.sampled >= max(self._rest, waited // 50):
            pulse.sampled = now
            self._sample(pulse)

    def _sample(self, pulse: Pulse) -> None:
        """Write the stack of a loop's thread, unless the loop beat while it was read."""
        began, beats, at, loop = pulse.last, pulse.beats, time.monotonic_ns(), pulse.loop
        if loop is None:
            return
        with stacks.uncollected():
            task, held = asyncio.current_task(loop), stacks.of_thread(pulse.ident)
            frames = stacks.entries(held)
            named = {"request": request_of(held)} if self._named else {}
            if task is not None and pulse.below_since != began:
                pulse.below_since = began
                pulse.below = stacks.entries(stacks.below_greenlet(task, held))
            del held  # frames that are kept would keep what their variables name
        frames += pulse.below if pulse.below_since == began else []
        if beats != pulse.beats:
            return
        counted = self._counted(pulse) if self._counts else _NOTHING
        if beats != pulse.beats:
            counted = _NOTHING  # the stall is over, and the counters include the time after it
        if pulse.half == began and pulse.base:
            # A line without frames: the counters early in the stall, to compare later ones with.
            self._board.write(pulse.slot, began=began, frames=[], **pulse.base)
            pulse.base = {}
        self._board.write(pulse.slot, began=began, frames=frames, **{**counted, "at": at}, **named)

    def _counted(self, pulse: Pulse) -> dict[str, int]:
        """Return the time that the loop's thread and the whole process have used."""
        thread = self._words[pulse.slot + layout.THREAD]
        used = stacks.spent(self._process, thread)._asdict()
        return {"at": time.monotonic_ns(), **used, "cpu": time.process_time_ns()}

    def _answer(self, running: list[Pulse]) -> None:
        """Write the stacks of all threads, and of the tasks of the loops that serve."""
        self._answered = self._words[layout.REQUESTS]
        loops = [pulse.loop for pulse in running if pulse.loop and serves_of(pulse.loop)]
        with stacks.uncollected():
            threads = stacks.of_threads({pulse.ident for pulse in running})
            tasks = stacks.of_tasks(loops)
        self._board.write(0, request=self._answered, threads=threads, tasks=tasks)
