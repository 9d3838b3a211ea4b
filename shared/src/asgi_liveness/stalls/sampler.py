"""What is done from outside while a window lasts: py-spy, where a process can't look at itself."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import psutil

from asgi_liveness.inside.injected.sitecustomize import spent
from asgi_liveness.serving.board import Heartbeat, Sample
from asgi_liveness.stalls.spy import Refused, SpiedThread, dump
from asgi_liveness.stalls.stack import blamed, runs_a_loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from asgi_liveness.serving.board import Board, Frame

_EVERY: Final = 0.02  # seconds between two looks at the board
_DUMPS: Final = 0.1  # seconds between two dumps of a process
_ASK: Final = 0.5  # seconds between two questions where all threads stand
_TURNS: Final = 3
"""A thread beside the loop that missed so many of its turns, and ``_DUMPS``, has no GIL."""
_SECOND: Final = 1e9  # ns


@dataclass
class Sampler:
    """Looks at the processes in *serves*, or at all on *board* where nobody knows who serves.

    *waiting* tells for how many seconds the oldest probe without an answer has waited.
    """

    board: Board
    serves: set[int]
    waiting: Callable[[], float]
    samples: list[Sample] = field(default_factory=list)
    refused: str = ""
    """Why py-spy could not look, if it could not."""
    asked: int = 0
    """The last question where all threads stand."""
    _dumped: dict[int, float] = field(default_factory=dict)

    def heartbeats(self) -> list[Heartbeat]:
        """Return the pulses of the event loops that run and serve."""
        running = [heartbeat for heartbeat in self.board.heartbeats() if heartbeat.runs]
        serving = [
            heartbeat for heartbeat in running if heartbeat.process in self.serves
        ] or running
        # A supervisor may have a loop of its own in some thread, for its own affairs.
        return [
            heartbeat for heartbeat in serving if heartbeat.thread == heartbeat.process
        ] or serving

    async def sample(self) -> None:
        """Sample on until cancelled."""
        asked_at, limit = 0.0, self.board.max_stall
        while True:
            await asyncio.sleep(_EVERY)
            now, heartbeats, waits = time.monotonic(), self.heartbeats(), self.waiting()
            for heartbeat in heartbeats:
                if heartbeat.silent(now) > limit and (
                    self._held(heartbeat, now) or self._unseen(heartbeat)
                ):
                    await self._dump(heartbeat)
            if not heartbeats and waits > limit:
                for process in self.serves:
                    await self._dump_unwatched(process, now - waits)
            if waits > limit and now - asked_at > _ASK:
                asked_at, self.asked = now, self.board.ask_for_threads()

    def _held(self, heartbeat: Heartbeat, now: float) -> bool:
        """Whether the watcher in the process has no turn: C code holds the GIL."""
        return now - heartbeat.watched_at > _TURNS * heartbeat.period + _DUMPS

    def _unseen(self, heartbeat: Heartbeat) -> bool:
        """Whether the watcher sees nobody to blame: it looks where the GIL is given up."""
        samples = [
            sample
            for sample in self.board.samples()
            if (sample.process, sample.began) == (heartbeat.process, heartbeat.beat_at)
            and sample.stack
        ]
        return len(samples) > 1 and not any(blamed(sample.stack) for sample in samples)

    async def _dump(self, heartbeat: Heartbeat) -> None:
        """Let py-spy look at a process of which the event loop does not turn."""
        held = self._held(heartbeat, time.monotonic())
        seen = await self._seen(heartbeat.process)
        if seen is None or not self._is_as_it_was(heartbeat, held=held):
            return
        thread, stack = _holder(seen, heartbeat.thread) if held else _own(seen, heartbeat.thread)
        ran, queued, slices = spent(heartbeat.process, heartbeat.thread)
        sample = Sample(
            heartbeat.process,
            began=heartbeat.beat_at,
            at=time.monotonic(),
            stack=stack,
            ran=ran / _SECOND,
            queued=queued / _SECOND,
            slices=slices,
            cpu=_used(heartbeat.process),
            outside=True,
            gil_held=held,
            by_another=thread if thread != heartbeat.thread else 0,
        )
        self.samples.append(sample)

    def _is_as_it_was(self, heartbeat: Heartbeat, *, held: bool) -> bool:
        """Whether the event loop has not beaten since; nor the watcher, where it is *held*."""
        return any(
            (now.process, now.beat_at) == (heartbeat.process, heartbeat.beat_at)
            and (not held or now.watched_at == heartbeat.watched_at)
            for now in self.board.heartbeats()
        )

    async def _dump_unwatched(self, process: int, began: float) -> None:
        """Sample at a process without a watcher: trio, ``python -I``, a loop in another thread."""
        seen = await self._seen(process)
        loops = [one for one in seen or [] if runs_a_loop(one.stack)]
        if loops and self.waiting() > time.monotonic() - began - _EVERY:
            sample = Sample(process, round(began, 2), time.monotonic(), loops[0].stack)
            self.samples.append(sample)

    async def _seen(self, process: int) -> list[SpiedThread] | None:
        """Ask py-spy, unless it was asked just now."""
        now = time.monotonic()
        if now - self._dumped.get(process, 0.0) < _DUMPS:
            return None
        self._dumped[process] = now
        seen = await dump(process)
        if isinstance(seen, Refused):
            self.refused = seen.reason
            return []
        return seen


def _holder(seen: list[SpiedThread], loop_thread: int) -> tuple[int, tuple[Frame, ...]]:
    """Return the thread that keeps the GIL, and where: the event loop's own if nobody knows."""
    holders = [one for one in seen if one.holds_gil]
    return (holders[0].thread, holders[0].stack) if holders else _own(seen, loop_thread)


def _own(seen: list[SpiedThread], loop_thread: int) -> tuple[int, tuple[Frame, ...]]:
    stacks = [one.stack for one in seen if one.thread == loop_thread]
    return loop_thread, stacks[0] if stacks else ()


def _used(process: int) -> float:
    """Return for how many seconds a process has run."""
    with contextlib.suppress(psutil.Error):
        times = psutil.Process(process).cpu_times()
        return float(times.user + times.system)
    return 0.0
