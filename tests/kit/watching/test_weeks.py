"""A watch lasts for weeks: a week of stalls and reloads, on a clock of the test's own.

The processes are made by hand. They write on a real board, as real ones do.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from asgi_liveness.inside.injected import layout
from asgi_liveness.inside.injected.board_file import BoardFile
from asgi_liveness.serving.board import Board
from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.stalls.stalls import Stall
from asgi_liveness.watching import numbers, observer, tally
from asgi_liveness.watching.account import Account
from asgi_liveness.watching.named_stall import NamedStall, named
from asgi_liveness.watching.numbers import Numbers
from asgi_liveness.watching.observer import Observer
from tests.kit.checking.windows import LIMIT, LOOP

SECOND = 10**9
DAYS, RELOADS = 7, 20  # of each day
WORKERS, STALLS = 2, 2  # of each reload
LINES, ROWS = 90, 60  # that block, each in a file of its own; that have a row of their own
FIRST = 10_000_000  # ids of processes that no system gives
GROWTH = 200  # objects in five days; to keep a line for each process would be thousands


@dataclass
class Clock:
    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Week:
    """A watch, and the processes that it watches."""

    observer: Observer
    account: Account
    clock: Clock
    living: set[int]
    numbers: Numbers = field(default_factory=Numbers)
    workers: list[tuple[BoardFile, int]] = field(default_factory=list)
    processes: int = 0
    stalls: int = 0
    ended: int = 0

    def day(self) -> None:
        for _ in range(RELOADS):
            self.living.clear()
            self.workers = [self.worker() for _ in range(WORKERS)]
            for worker in self.workers * STALLS:
                self.stall(*worker)
            self.block(*self.workers[0])  # it is killed while it blocks

    def worker(self) -> tuple[BoardFile, int]:
        """Start a worker, which beats and serves."""
        self.processes += 1
        board = BoardFile(str(self.observer.board.path))
        board._process = FIRST + self.processes
        self.living.add(board._process)
        slot = board.take()
        board.words[slot + layout.PROCESS] = board._process
        board.words[slot + layout.STATE] = layout.RUNS
        board.words[slot + layout.PERIOD] = SECOND // 100
        board.words[slot + layout.PORTS] = 8000
        board.words[slot + layout.SERVES_SINCE] = int(self.clock.now * SECOND)
        self.beat(board, slot)
        return board, slot

    def beat(self, board: BoardFile, slot: int) -> int:
        for word in (layout.BEAT_AT, layout.WATCHER_RAN_AT):
            board.words[slot + word] = int(self.clock.now * SECOND)
        return int(self.clock.now * SECOND)

    def block(self, board: BoardFile, slot: int) -> int:
        """Block for a second, and return when that began."""
        self.stalls += 1
        began = self.beat(board, slot)
        frames = [Frame(f"/app/views{self.stalls % LINES}.py", 7, "view"), *LOOP]
        for number in range(4):
            self.passes(0.25, board)
            at = int(self.clock.now * SECOND)
            used = {"ran": at - began, "queued": 0, "slices": number, "ready": True, "cpu": 0}
            request = f"GET /items/{self.stalls}"
            board.write(slot, began=began, at=at, frames=frames, request=request, **used)
            if number % 2:
                self.look()
        return began

    def stall(self, board: BoardFile, slot: int) -> None:
        """Block for a second, answer a request for all stacks, and respond for minutes."""
        began = self.block(board, slot)
        ended = self.beat(board, slot)
        board.write(slot, began=began, ended=ended)
        board.write(0, collected=began, ended=ended)
        board.write(0, request=self.observer.board.request_threads(), threads=[], tasks=[])
        self.look()
        self.passes(100.0)
        self.look()

    def passes(self, seconds: float, blocked: BoardFile | None = None) -> None:
        """Let each loop but one that is *blocked* beat after some seconds."""
        self.clock.now += seconds
        for board, slot in self.workers:
            if board is not blocked:
                self.beat(board, slot)

    def look(self) -> None:
        """Look at the board as a watch does, with a clearing each time."""
        self.numbers.beats(self.observer.heartbeats())
        stalls, ended = self.observer.stalls(), self.observer.sampler.ended
        for stall, _, _ in self.account.look(stalls, self.clock.now, ended=ended):
            if not stall.goes_on:
                self.ended += 1
                self.numbers.stalled(stall.culprit.file if stall.culprit else "")
        self.observer.forget(self.account.first_began)


def name(stall: Stall) -> NamedStall:
    return named(stall, "", at=stall.began)


@pytest.fixture
def week(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Week]:
    clock, living = Clock(), set[int]()

    def kill(process: int, _: int) -> None:
        if process not in living:
            raise ProcessLookupError

    monkeypatch.setattr(tally, "MOST", ROWS)  # else days pass until it is reached
    monkeypatch.setattr(numbers, "MOST_LINES", ROWS)
    monkeypatch.setattr(observer, "time", clock)
    monkeypatch.setattr(observer, "lives", living.__contains__)
    monkeypatch.setattr(os, "kill", kill)
    board = Board(tmp_path, LIMIT)
    yield Week(Observer(board, Criteria(LIMIT)), Account(LIMIT, name), clock, living)
    board.close()


def test_nothing_piles_up_in_a_week(week: Week, tmp_path: Path) -> None:
    objects = []
    for _ in range(DAYS):
        week.day()
        gc.collect()
        objects.append(len(gc.get_objects()))
    assert week.processes == DAYS * RELOADS * WORKERS > layout.LOOPS
    assert week.stalls == DAYS * RELOADS * (WORKERS * STALLS + 1) > LINES > ROWS
    # Each stall was counted once, but for the last, whose process still lives.
    assert week.ended == week.account.tally.stalls == week.stalls - 1
    assert sum(week.numbers.stalls.values()) == week.ended
    assert len(week.account.tally.rows) == ROWS + 1
    assert len(week.numbers.stalls) == ROWS + 1
    # Of the living alone: a file of each loop, one of the process, the board.
    assert len(list(tmp_path.iterdir())) <= 2 * WORKERS + 1
    assert len(week.observer.heartbeats()) == WORKERS
    assert objects[-1] - objects[-6] < GROWTH, objects
