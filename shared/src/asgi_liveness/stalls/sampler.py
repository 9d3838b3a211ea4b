"""What is done from outside while a window lasts: py-spy, where a process can't look at itself."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import psutil

from asgi_liveness.inside.injected.sitecustomize import spent
from asgi_liveness.serving.board import Heartbeat, Look
from asgi_liveness.stalls.spy import Refused, SpiedThread, dump
from asgi_liveness.stalls.stack import blamed, runs_a_loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from asgi_liveness.serving.board import Board, Place

_EVERY: Final = 0.02  # seconds between two looks at the board
_DUMPS: Final = 0.1  # seconds between two dumps of a process
_ASK: Final = 0.5  # seconds between two questions where all threads stand
_TURNS: Final = 3
"""A thread beside the loop that missed so many of its turns, and ``_DUMPS``, has no GIL."""
_SECOND: Final = 1e9  # ns


@dataclass
class Outside:
    """Looks at the processes in *serves*, or at all on *board* where nobody knows who serves.

    *waiting* tells for how many seconds the oldest probe without an answer has waited.
    """

    board: Board
    serves: set[int]
    waiting: Callable[[], float]
    looks: list[Look] = field(default_factory=list)
    refused: str = ""
    """Why py-spy could not look, if it could not."""
    asked: int = 0
    """The last question where all threads stand."""
    _dumped: dict[int, float] = field(default_factory=dict)

    def pulses(self) -> list[Heartbeat]:
        """Return the pulses of the event loops that run and serve."""
        running = [pulse for pulse in self.board.pulses() if pulse.runs]
        serving = [pulse for pulse in running if pulse.process in self.serves] or running
        # A supervisor may have a loop of its own in some thread, for its own affairs.
        return [pulse for pulse in serving if pulse.thread == pulse.process] or serving

    async def look(self) -> None:
        """Look on until cancelled."""
        asked_at, limit = 0.0, self.board.max_stall
        while True:
            await asyncio.sleep(_EVERY)
            now, pulses, waits = time.monotonic(), self.pulses(), self.waiting()
            for pulse in pulses:
                if pulse.silent(now) > limit and (self._held(pulse, now) or self._unseen(pulse)):
                    await self._dump(pulse)
            if not pulses and waits > limit:
                for process in self.serves:
                    await self._dump_unwatched(process, now - waits)
            if waits > limit and now - asked_at > _ASK:
                asked_at, self.asked = now, self.board.ask_for_threads()

    def _held(self, pulse: Heartbeat, now: float) -> bool:
        """Whether the watcher in the process has no turn: C code holds the GIL."""
        return now - pulse.looked_at > _TURNS * pulse.period + _DUMPS

    def _unseen(self, pulse: Heartbeat) -> bool:
        """Whether the watcher sees nobody to blame: it looks where the GIL is given up."""
        looks = [
            look
            for look in self.board.looks()
            if (look.process, look.began) == (pulse.process, pulse.beat_at) and look.stack
        ]
        return len(looks) > 1 and not any(blamed(look.stack) for look in looks)

    async def _dump(self, pulse: Heartbeat) -> None:
        """Let py-spy look at a process of which the event loop does not turn."""
        held = self._held(pulse, time.monotonic())
        seen = await self._seen(pulse.process)
        if seen is None or not self._is_as_it_was(pulse, held=held):
            return
        thread, stack = _holder(seen, pulse.thread) if held else _own(seen, pulse.thread)
        ran, queued, slices = spent(pulse.process, pulse.thread)
        look = Look(
            pulse.process,
            began=pulse.beat_at,
            at=time.monotonic(),
            stack=stack,
            ran=ran / _SECOND,
            queued=queued / _SECOND,
            slices=slices,
            cpu=_used(pulse.process),
            outside=True,
            gil_held=held,
            by_another=thread if thread != pulse.thread else 0,
        )
        self.looks.append(look)

    def _is_as_it_was(self, pulse: Heartbeat, *, held: bool) -> bool:
        """Whether the event loop has not beaten since; nor the watcher, where it is *held*."""
        return any(
            (now.process, now.beat_at) == (pulse.process, pulse.beat_at)
            and (not held or now.looked_at == pulse.looked_at)
            for now in self.board.pulses()
        )

    async def _dump_unwatched(self, process: int, began: float) -> None:
        """Look at a process without a watcher: trio, ``python -I``, a loop in another thread."""
        seen = await self._seen(process)
        loops = [one for one in seen or [] if runs_a_loop(one.stack)]
        if loops and self.waiting() > time.monotonic() - began - _EVERY:
            look = Look(process, round(began, 2), time.monotonic(), loops[0].stack)
            self.looks.append(look)

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


def _holder(seen: list[SpiedThread], loop_thread: int) -> tuple[int, tuple[Place, ...]]:
    """Return the thread that keeps the GIL, and where: the event loop's own if nobody knows."""
    holders = [one for one in seen if one.holds_gil]
    return (holders[0].thread, holders[0].stack) if holders else _own(seen, loop_thread)


def _own(seen: list[SpiedThread], loop_thread: int) -> tuple[int, tuple[Place, ...]]:
    stacks = [one.stack for one in seen if one.thread == loop_thread]
    return loop_thread, stacks[0] if stacks else ()


def _used(process: int) -> float:
    """Return for how many seconds a process has run."""
    with contextlib.suppress(psutil.Error):
        times = psutil.Process(process).cpu_times()
        return float(times.user + times.system)
    return 0.0
