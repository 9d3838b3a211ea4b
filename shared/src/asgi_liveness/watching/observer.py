"""The stalls of a command's processes, read from their board for as long as the command runs.

The rule: what is old is forgotten, and its files are removed: a watch lasts for weeks.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from asgi_liveness.serving.living import lives
from asgi_liveness.stalls import stack
from asgi_liveness.stalls.sampler import Sampler
from asgi_liveness.stalls.stalls import LoopRecord, stalls

if TYPE_CHECKING:
    from asgi_liveness.serving.board import Board
    from asgi_liveness.serving.records import Heartbeat, Sample, StallEnd
    from asgi_liveness.stalls.criteria import Criteria
    from asgi_liveness.stalls.stalls import Stall

    Loop = tuple[int, int]
    """A process, and the slot of its event loop."""

_EVERY: Final = 0.05
"""Seconds between two reads of the board. To read it takes a processor some 0.3 ms."""
_KEPT: Final = 5.0
"""Seconds for which lines are kept that belong to no stall: the end of a stall and its samples are
written by different threads."""
_AWAKE: Final = 1.0
"""Seconds for which a loop may be silent after a stopped process goes on. Who has not looked for as
long was stopped as well."""
_MANY: Final = 1000
"""Beats, ten seconds of them, after which a loop that serves no port is not just starting: that of
granian never serves one."""
_STARTS: Final = re.compile(
    r"/uvicorn/(?:lifespan/|config\.py|importer\.py)|/hypercorn/asyncio/lifespan\.py"
    r"|/granian/(?:asgi\.py|_internal\.py|utils/)"
)
"""The code of servers that imports an app and runs its start-up."""


class _OwnSampler(Sampler):
    """A sampler of all loops that count: nothing is probed, and so no port is known."""

    ended: frozenset[int] = frozenset()
    """The processes that have ended."""

    has_served: bool = False
    """Whether any loop ever served. From then on no other counts: it may be of a job, a script."""

    def heartbeats(self) -> list[Heartbeat]:
        """Return the heartbeats of the loops that count."""
        running = [
            each for each in self.board.heartbeats() if each.runs and each.process not in self.ended
        ]
        self.has_served = self.has_served or any(each.ports for each in running)
        return [each for each in running if each.ports or not self.has_served]


@dataclass
class Observer:
    """What the processes on a board do."""

    board: Board
    criteria: Criteria
    sampler: _OwnSampler = field(init=False)
    _loops: dict[Loop, Heartbeat] = field(default_factory=dict)
    """The last heartbeat of each loop, also of those that have ended a while ago."""
    _resumed: float = 0.0
    _looked: float = field(init=False)
    _lines: int = 0
    """How many lines the board had at the last look."""

    def __post_init__(self) -> None:
        self.sampler = _OwnSampler(self.board, set(), lambda: 0.0, every=_EVERY)
        self._looked = time.monotonic()

    def resumed(self) -> None:
        """Take note that all processes were stopped until now, as by Ctrl+Z in a terminal."""
        self._resumed = time.monotonic()

    def heartbeats(self) -> list[Heartbeat]:
        """Return the heartbeats of the loops that count and are not just starting."""
        self._loops |= {(each.process, each.slot): each for each in self.board.heartbeats()}
        return [each for each in self.sampler.heartbeats() if each.ports or sum(each.late) > _MANY]

    def stalls(self) -> list[Stall]:
        """Return the stalls that go on, and those that have ended and are not forgotten.

        Nothing if no loop is silent, and nothing new is known.
        """
        now, running = time.monotonic(), self.sampler.heartbeats()
        if now - self._looked > _AWAKE:  # the signal that we go on may come after this
            self._resumed = now
        self._looked = now
        silent = [each for each in running if each.silent(now) > self.criteria.max_stall]
        self._note_ended({each.process for each in silent})
        before, self._lines = self._lines, self.board.lines_read()
        if not silent and self._lines == before:
            return []
        ends = self.board.ends()
        # An end is written some milliseconds after the next beat. Until then a stall is none.
        known = {_key(end) for end in ends} | {
            (each.process, each.slot, each.beat_at)
            for each in silent
            if each.process not in self.sampler.ended
        }
        samples = tuple(
            sample
            for sample in [*self.board.samples(), *self.sampler.samples]
            if _key(sample) in known or sample.process in self.sampler.ended
        )
        record = LoopRecord(
            began=0.0,
            ended=now,
            heartbeats=tuple(self.sampler.heartbeats()),
            samples=samples,
            ends=tuple(ends),
            collections=tuple(self.board.collections()),
        )
        return [stall for stall in stalls(record, self.criteria) if self._counts(stall)]

    def _note_ended(self, processes: set[int]) -> None:
        """Note which of the *processes* have ended; their event loops are silent at last."""
        ended = {process for process in processes if not lives(process)}
        self.sampler.ended = self.sampler.ended - processes | ended

    def _counts(self, stall: Stall) -> bool:
        """Whether a stall is no import, no start of a worker, and no time of a stopped process."""
        if stall.began < self._resumed and stall.began + stall.length < self._resumed + _AWAKE:
            return False
        if stall.process in self.sampler.ended and not stall.line and stall.length < _AWAKE:
            return False  # the last moments of a process that ends
        loop = self._loops.get((stall.process, stall.slot))
        if loop is not None and loop.serves_since:
            return stall.began >= loop.serves_since
        # This loop serves nothing, or nothing yet.
        is_known = stall.line is not None and not self.sampler.has_served
        return is_known and not any(map(_starts, stall.samples))

    def forget(self, going_on: float | None) -> None:
        """Forget what is over; *going_on* is when the first stall began that is not.

        Of a process that has ended, ``stalls`` reads the last lines before they are forgotten.
        """
        now = time.monotonic()
        before = min(now - _KEPT, now if going_on is None else going_on)
        over = [each for each in self._loops.values() if each.process in self.sampler.ended]
        self.board.forget(before, over)
        self.sampler.samples[:] = [each for each in self.sampler.samples if each.at >= before]
        for each in over:
            del self._loops[each.process, each.slot]
        self.sampler.ended = frozenset()
        self._note_ended({process for process, _ in self._loops})


def _key(row: Sample | StallEnd) -> tuple[int, int, float]:
    return row.process, row.slot, row.began


def _starts(sample: Sample) -> bool:
    """Whether a server imports its app, or runs its start-up."""
    frames = sample.stack
    return stack.imports(frames) or any(_STARTS.search(frame.file) for frame in frames)
