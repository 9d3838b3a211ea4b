"""Samples from outside while a window lasts: py-spy, where a process cannot sample itself."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from asgi_liveness.inside.injected.stacks import spent
from asgi_liveness.serving.others import used
from asgi_liveness.serving.records import Heartbeat, Sample
from asgi_liveness.stalls.spy import Refused, SpiedThread, dump
from asgi_liveness.stalls.stack import blamed, runs_a_loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from asgi_liveness.serving.board import Board
    from asgi_liveness.serving.records import Frame

_EVERY: Final = 0.02  # seconds between two reads of the board
_DUMPS: Final = 0.1  # seconds between two dumps of a process
_SLOW: Final = 0.1
"""Seconds of a dump on a busy machine. On such a machine every loop is late, and each dump would
make it busier: a rest follows, so that dumps take a third of the time at most."""
_REST: Final = 3  # how long a dump and the rest after it take together, in dumps
_REQUESTS: Final = 0.5  # seconds between two requests for the stacks of all threads
_MISSED: Final = 3
"""Periods. A watcher that has not run for as many, and for ``_DUMPS``, cannot get the GIL."""
_SECOND: Final = 1e9  # ns


@dataclass
class Sampler:
    """The samples of the processes in *serves*, or of all on *board* if none of them is there.

    *waiting* returns for how many seconds the oldest probe without a response has waited.
    """

    board: Board
    serves: set[int]
    waiting: Callable[[], float]
    port: int = 0
    """The port that is probed; 0 where it is unknown."""
    samples: list[Sample] = field(default_factory=list)
    refused: str = ""
    """Why py-spy made no dump, if one failed."""
    request: int = 0
    """The number of the last request for the stacks of all threads."""
    every: float = _EVERY
    """Seconds between two reads of the board."""
    _next: dict[int, float] = field(default_factory=dict)
    """From when on each process may be dumped again."""
    _rests_until: float = 0.0
    _late: dict[int, float] = field(default_factory=dict)
    """The last beat before each loop was late, by its slot."""

    def heartbeats(self) -> list[Heartbeat]:
        """Return the heartbeats of the event loops that run and serve."""
        known = self.board.heartbeats()
        running = [heartbeat for heartbeat in known if heartbeat.runs]
        # Where one has served the port, another loop is no worker: a master has loops of its own.
        if any(self.port in each.ports for each in known):
            return [each for each in running if self.port in each.ports]
        # A server that creates no server of asyncio. A supervisor may run a loop of its own in
        # another thread.
        serving = [each for each in running if each.process in self.serves] or running
        return [each for each in serving if each.thread == each.process] or serving

    async def sample(self) -> None:
        """Take samples until cancelled."""
        requested_at, limit = 0.0, self.board.max_stall
        while True:
            await asyncio.sleep(self.every)
            now, heartbeats, waits = time.monotonic(), self.heartbeats(), self.waiting()
            for heartbeat in heartbeats:
                if heartbeat.silent(now) > limit / 2:
                    self._count(heartbeat)
                if heartbeat.silent(now) > limit and (
                    self._held(heartbeat, now) or self._unblamed(heartbeat)
                ):
                    await self._dump(heartbeat)
            if not heartbeats and waits > limit:
                for process in self.serves:
                    await self._dump_unwatched(process, now - waits)
            if waits > limit and now - requested_at > _REQUESTS:
                requested_at, self.request = now, self.board.request_threads()

    def _held(self, heartbeat: Heartbeat, now: float) -> bool:
        """Whether the watcher in the process does not run: C code holds the GIL."""
        return now - heartbeat.watcher_ran_at > _MISSED * heartbeat.period + _DUMPS

    def _unblamed(self, heartbeat: Heartbeat) -> bool:
        """Whether the watcher's samples show no culprit: it samples where the GIL is released."""
        samples = [
            sample
            for sample in self.board.samples()
            if (sample.slot, sample.began) == (heartbeat.slot, heartbeat.beat_at) and sample.stack
        ]
        return len(samples) > 1 and not any(blamed(sample.stack) for sample in samples)

    async def _dump(self, heartbeat: Heartbeat) -> None:
        """Let py-spy sample a process whose event loop stalls."""
        held = self._held(heartbeat, time.monotonic())
        threads = await self._spy(heartbeat.process)
        if threads is None or not self._is_unchanged(heartbeat, held=held):
            return
        thread, stack = (_holder if held else _own)(threads, heartbeat.thread)
        by_another = thread if thread != heartbeat.thread else 0
        sample = self._counted(heartbeat, stack)
        self.samples.append(replace(sample, gil_held=held, by_another=by_another))

    def _count(self, heartbeat: Heartbeat) -> None:
        """Keep what a late loop's thread has used, once in a stall, to compare its samples with.

        The watcher cannot where the thread waits for a processor with the GIL in its hands.
        """
        if self._late.get(heartbeat.slot) == heartbeat.beat_at:
            return
        self._late[heartbeat.slot] = heartbeat.beat_at
        sample = self._counted(heartbeat, ())
        if sample.slices and self._is_unchanged(heartbeat, held=False):
            self.samples.append(sample)

    @staticmethod
    def _counted(heartbeat: Heartbeat, stack: tuple[Frame, ...]) -> Sample:
        """Return a sample, now, with what the thread has used."""
        counted = spent(heartbeat.process, heartbeat.thread)
        return Sample(
            heartbeat.process,
            began=heartbeat.beat_at,
            at=time.monotonic(),
            stack=stack,
            ran=counted.ran / _SECOND,
            queued=counted.queued / _SECOND,
            slices=counted.slices,
            ready=counted.ready,
            cpu=used(heartbeat.process),
            outside=True,
            slot=heartbeat.slot,
            watcher_ran_at=heartbeat.watcher_ran_at,
        )

    def _is_unchanged(self, heartbeat: Heartbeat, *, held: bool) -> bool:
        """Whether the event loop has not beaten since, nor the watcher run if it was *held*."""
        return any(
            (now.slot, now.beat_at) == (heartbeat.slot, heartbeat.beat_at)
            and (not held or now.watcher_ran_at == heartbeat.watcher_ran_at)
            for now in self.board.heartbeats()
        )

    async def _dump_unwatched(self, process: int, began: float) -> None:
        """Sample a process without a watcher: trio, ``python -I``, a loop in another thread."""
        threads = await self._spy(process)
        loops = [thread for thread in threads or [] if runs_a_loop(thread.stack)]
        if loops and self.waiting() > time.monotonic() - began - _EVERY:
            sample = Sample(process, round(began, 2), time.monotonic(), loops[0].stack)
            self.samples.append(sample)

    async def _spy(self, process: int) -> list[SpiedThread] | None:
        """Return py-spy's dump; empty if it fails, None while it is too early for another."""
        now = time.monotonic()
        if now < max(self._next.get(process, 0.0), self._rests_until):
            return None
        # A watch lasts for weeks, and sees thousands of processes.
        self._next = {each: at for each, at in self._next.items() if now < at}
        self._next[process] = now + _DUMPS
        threads = await dump(process)
        took = time.monotonic() - now
        self._rests_until = now + took * _REST if took > _SLOW else 0.0
        if isinstance(threads, Refused):
            self.refused = threads.reason
            return []
        return threads


def _holder(threads: list[SpiedThread], loop_thread: int) -> tuple[int, tuple[Frame, ...]]:
    """Return the thread that holds the GIL, and its stack; the event loop's if none holds it."""
    holders = [thread for thread in threads if thread.holds_gil]
    return (holders[0].thread, holders[0].stack) if holders else _own(threads, loop_thread)


def _own(threads: list[SpiedThread], loop_thread: int) -> tuple[int, tuple[Frame, ...]]:
    """Return the event loop's thread, and its stack; an empty one if py-spy did not see it."""
    stacks = [thread.stack for thread in threads if thread.thread == loop_thread]
    return loop_thread, stacks[0] if stacks else ()
