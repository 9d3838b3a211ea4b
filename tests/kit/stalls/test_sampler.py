"""When py-spy is asked, and what is made of what it saw."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.inside.injected import sitecustomize as inside
from asgi_liveness.serving.board import Board, Frame
from asgi_liveness.stalls import sampler as watching
from asgi_liveness.stalls.sampler import Sampler
from asgi_liveness.stalls.spy import Refused, SpiedThread
from tests.kit.checking.windows import (
    LOOP,
    OTHER,
    PROCESS,
    REPORT,
    SELECTING,
    write_heartbeat,
)

LIMIT = 10.0  # seconds
MAX_STALL = 0.05
THREAD = 71
ROUNDS = 20
"""Looks at the board after which nothing more is waited for."""


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    monkeypatch.setattr(watching, "_EVERY", 0.001)
    monkeypatch.setattr(watching, "_DUMPS", 0.03)
    made = Board(tmp_path, MAX_STALL)
    yield made
    made.close()


class Spy:
    """Stands for py-spy; *meanwhile* is what goes on while it looks."""

    def __init__(self, seen: list[SpiedThread] | Refused, meanwhile: Callable[[], None]) -> None:
        self.seen, self.meanwhile = seen, meanwhile
        self.asked: list[int] = []
        self.times: list[float] = []

    async def dump(self, process: int) -> list[SpiedThread] | Refused:
        self.asked.append(process)
        self.times.append(time.monotonic())
        await asyncio.sleep(0)
        self.meanwhile()
        return self.seen


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Spy]:
    def make(
        *threads: SpiedThread, refused: str = "", meanwhile: Callable[[], None] = lambda: None
    ) -> Spy:
        made = Spy(Refused(refused) if refused else list(threads), meanwhile)
        monkeypatch.setattr(watching, "dump", made.dump)
        return made

    return make


def nanoseconds(ago: float = 0.0) -> int:
    return int((time.monotonic() - ago) * 1e9)


def silent(board: Board, process: int = PROCESS, slot: int = 0, **changes: Any) -> None:
    """Write the words of a process in which neither the loop nor its watcher has a turn."""
    words = {
        "PROCESS": process,
        "THREAD": THREAD,
        "RUNS": 1,
        "BEAT_AT": nanoseconds(ago=1.0),
        "WATCHED_AT": nanoseconds(ago=0.9),
        "PERIOD": 10**7,
    }
    write_heartbeat(board, slot, **{**words, **changes})


def thread(*frames: Frame, native: int = THREAD, holds_gil: bool = False) -> SpiedThread:
    return SpiedThread(native, holds_gil, (*frames, *LOOP))


def looked(outside: Sampler, until: Callable[[], object] | None = None) -> Sampler:
    """Look until something is so, or for some rounds."""
    rounds = 0

    async def sample() -> None:
        nonlocal rounds
        task = asyncio.create_task(outside.sample())
        limit = time.monotonic() + LIMIT
        while not (until() if until else rounds >= ROUNDS):
            assert time.monotonic() < limit
            await asyncio.sleep(0.001)
            rounds += 1
            if task.done():
                break
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(sample())
    return outside


def outside(board: Board, *serves: int, waits: float = 0.0) -> Sampler:
    return Sampler(board, set(serves), lambda: waits)


# Which loops.


def test_the_loops_that_run_and_serve_are_watched_at(board: Board) -> None:
    silent(board, 7, slot=0)
    silent(board, 8, slot=1)
    silent(board, 9, slot=2, RUNS=0)
    assert [one.process for one in outside(board, 7, 9).heartbeats()] == [7]
    assert [one.process for one in outside(board, 7, 8, 9).heartbeats()] == [7, 8]


def test_where_nobody_knows_who_serves_all_that_run_are(board: Board) -> None:
    silent(board, 7, slot=0)
    silent(board, 8, slot=1)
    silent(board, 9, slot=2, RUNS=0)
    assert [one.process for one in outside(board).heartbeats()] == [7, 8]
    assert [one.process for one in outside(board, 5, 9).heartbeats()] == [7, 8]


def test_loops_of_main_threads_are_watched_at_if_there_are_any(board: Board) -> None:
    silent(board, 7, slot=0, THREAD=7)
    silent(board, 8, slot=1, THREAD=80)
    silent(board, 9, slot=2, THREAD=9)
    assert [one.process for one in outside(board, 7, 8, 9).heartbeats()] == [7, 9]
    assert [one.process for one in outside(board, 8).heartbeats()] == [8]


# A process that cannot look at itself.


def test_a_process_without_a_turn_is_watched_at_from_outside(
    board: Board, spy: Callable[..., Spy]
) -> None:
    asked = spy(thread(REPORT, holds_gil=True), thread(OTHER, native=72))
    silent(board)
    found = outside(board, PROCESS)
    first, second = looked(found, lambda: len(found.samples) > 1).samples[:2]
    assert asked.asked[0] == PROCESS
    assert first.process == PROCESS
    assert first.stack == (REPORT, *LOOP)
    assert (first.gil_held, first.by_another) == (True, 0)
    assert first.began == board.heartbeats()[0].beat_at
    assert (first.ran, first.queued) == (0.0, 0.0)  # there is no such thread
    assert second.at > first.at > first.began
    assert second.began == first.began


def test_a_process_is_not_asked_all_the_time(board: Board, spy: Callable[..., Spy]) -> None:
    asked = spy(thread(REPORT))
    silent(board)
    looked(outside(board, PROCESS), lambda: len(asked.times) > 2)
    first, second, third = asked.times[:3]
    assert second - first >= watching._DUMPS * 0.99
    assert third - second >= watching._DUMPS * 0.99


def test_each_worker_without_a_turn_is_asked(board: Board, spy: Callable[..., Spy]) -> None:
    asked = spy(thread(REPORT))
    for slot, process in enumerate((7, 8, 9)):
        silent(board, process, slot)
    looked(outside(board, 7, 9), lambda: len(asked.asked) > 3)
    assert set(asked.asked) == {7, 9}


@pytest.mark.parametrize(
    "words",
    [
        {"WATCHED_AT": 10**18},
        {"BEAT_AT": 10**18},
        {"RUNS": 0},
        {"PERIOD": 10**10},
    ],
    ids=["its watcher looks", "it beats", "it has stopped", "not due yet"],
)
def test_a_process_that_can_look_at_itself_or_has_no_need_to_is_left_alone(
    words: dict[str, int], board: Board, spy: Callable[..., Spy]
) -> None:
    asked = spy(thread(REPORT))
    silent(board, **words)
    assert looked(outside(board, PROCESS)).samples == []
    assert asked.asked == []


@pytest.mark.parametrize("word", ["BEAT_AT", "WATCHED_AT"])
def test_a_process_that_had_a_turn_meanwhile_was_not_stalled(
    word: str, board: Board, spy: Callable[..., Spy]
) -> None:
    asked = spy(
        thread(REPORT), meanwhile=lambda: write_heartbeat(board, **{word: nanoseconds(ago=0.5)})
    )
    silent(board)
    found = looked(outside(board, PROCESS), lambda: len(asked.asked) > 2)
    assert found.samples == []


@pytest.mark.parametrize(
    ("seen", "stack", "by_another"),
    [
        ((thread(REPORT), thread(OTHER, native=72, holds_gil=True)), (OTHER, *LOOP), 72),
        ((thread(OTHER, native=72), thread(REPORT)), (REPORT, *LOOP), 0),
        ((thread(OTHER, native=72),), (), 0),
    ],
    ids=["whoever holds it", "the loop's own if nobody does", "nobody if that is not seen"],
)
def test_the_thread_that_holds_the_gil_is_to_blame(
    seen: tuple[SpiedThread, ...],
    stack: tuple[Frame, ...],
    by_another: int,
    board: Board,
    spy: Callable[..., Spy],
) -> None:
    spy(*seen)
    silent(board)
    found = outside(board, PROCESS)
    sample = looked(found, lambda: found.samples).samples[0]
    assert (sample.stack, sample.by_another, sample.gil_held) == (stack, by_another, True)


def test_a_refusal_is_kept_and_so_is_that_it_looked(board: Board, spy: Callable[..., Spy]) -> None:
    spy(refused="ptrace")
    silent(board)
    found = outside(board, PROCESS)
    sample = looked(found, lambda: found.samples).samples[0]
    assert found.refused == "ptrace"
    assert (sample.stack, sample.gil_held, sample.by_another) == ((), True, 0)


# A process that looks at itself, and sees nobody.


def saw(board: Board, *frames: Frame, times: int = 2) -> None:
    """Write what the watcher of a stalled process saw of it."""
    write_heartbeat(board, PROCESS=PROCESS, THREAD=THREAD, RUNS=1, PERIOD=10**7)
    write_heartbeat(board, BEAT_AT=nanoseconds(ago=1.0), WATCHED_AT=10**18)
    began = board._words[inside.HEADER + inside.BEAT_AT]
    counted = {"at": began, "ran": 0, "queued": 0, "slices": 0, "cpu": 0}
    line = {"began": began, **counted, "frames": [*map(list, frames), *map(list, LOOP)]}
    (board.path.parent / f"samples.{PROCESS}.0").write_text((json.dumps(line) + "\n") * times)


def test_a_process_that_sees_nobody_is_watched_at_from_outside(
    board: Board, spy: Callable[..., Spy]
) -> None:
    spy(thread(REPORT), thread(OTHER, native=72, holds_gil=True))
    saw(board)
    found = outside(board, PROCESS)
    sample = looked(found, lambda: found.samples).samples[0]
    assert (sample.stack, sample.outside) == ((REPORT, *LOOP), True)
    assert (sample.gil_held, sample.by_another) == (False, 0)


def test_a_process_that_saw_somebody_in_an_earlier_stall_may_see_nobody_in_this_one(
    board: Board, spy: Callable[..., Spy]
) -> None:
    spy(thread(OTHER))
    saw(board, REPORT)
    earlier = (board.path.parent / f"samples.{PROCESS}.0").read_text()
    saw(board)
    (board.path.parent / f"samples.{PROCESS}.1").write_text(earlier)
    found = outside(board, PROCESS)
    assert looked(found, lambda: found.samples).samples[0].stack[0] == OTHER


@pytest.mark.parametrize(
    ("frames", "times"), [((REPORT,), 2), ((), 1)], ids=["sees somebody", "has looked but once"]
)
def test_a_process_that_may_see_more_by_itself_is_left_alone(
    frames: tuple[Frame, ...], times: int, board: Board, spy: Callable[..., Spy]
) -> None:
    asked = spy(thread(REPORT))
    saw(board, *frames, times=times)
    looked(outside(board, PROCESS))
    assert asked.asked == []


# A process that nobody watches from inside.


def test_a_process_without_a_watcher_is_watched_at_while_a_probe_waits(
    board: Board, spy: Callable[..., Spy]
) -> None:
    asked = spy(SpiedThread(72, True, (OTHER,)), thread(REPORT, native=PROCESS))
    found = outside(board, PROCESS, waits=1.0)
    began = time.monotonic() - 1.0
    first, second = looked(found, lambda: len(found.samples) > 1).samples[:2]
    assert set(asked.asked) == {PROCESS}
    assert (first.process, first.stack) == (PROCESS, (REPORT, *LOOP))
    assert not first.gil_held
    assert first.began >= began - 0.01
    assert second.at > first.at


def test_a_loop_in_any_thread_is_watched_at(board: Board, spy: Callable[..., Spy]) -> None:
    spy(SpiedThread(PROCESS, False, (OTHER,)), thread(REPORT, native=72))
    found = outside(board, PROCESS, waits=1.0)
    assert looked(found, lambda: found.samples).samples[0].stack[0] == REPORT


def test_looks_while_one_probe_waits_are_of_one_stall(
    board: Board, spy: Callable[..., Spy]
) -> None:
    spy(SpiedThread(PROCESS, False, SELECTING))
    due = round(time.monotonic() - 1.0, 2)
    found = Sampler(board, {PROCESS}, lambda: time.monotonic() - due)
    looked(found, lambda: len(found.samples) > 2)
    assert len({sample.began for sample in found.samples}) == 1


@pytest.mark.parametrize(
    ("serves", "waits"), [((), 1.0), ((PROCESS,), MAX_STALL / 2)], ids=["nobody", "not for long"]
)
def test_it_is_not_watched_at_without_need(
    serves: tuple[int, ...], waits: float, board: Board, spy: Callable[..., Spy]
) -> None:
    asked = spy(thread(REPORT, native=PROCESS))
    looked(outside(board, *serves, waits=waits))
    assert asked.asked == []


def test_a_process_that_answered_meanwhile_was_not_stalled(
    board: Board, spy: Callable[..., Spy]
) -> None:
    waits = 1.0

    def answer() -> None:
        nonlocal waits
        waits = 0.0

    asked = spy(thread(REPORT, native=PROCESS), meanwhile=answer)
    found = Sampler(board, {PROCESS}, lambda: waits)
    looked(found, lambda: asked.asked)
    assert looked(found).samples == []


@pytest.mark.parametrize(
    "seen", [[SpiedThread(PROCESS, False, (OTHER,))], []], ids=["no loop", "no thread"]
)
def test_a_process_that_runs_no_loop_is_not_to_blame(
    seen: list[SpiedThread], board: Board, spy: Callable[..., Spy]
) -> None:
    asked = spy(*seen)
    found = looked(outside(board, PROCESS, waits=1.0), lambda: asked.asked)
    assert found.samples == []


def test_a_refusal_of_a_process_without_a_watcher_is_kept(
    board: Board, spy: Callable[..., Spy]
) -> None:
    spy(refused="ptrace")
    found = outside(board, PROCESS, waits=1.0)
    looked(found, lambda: found.refused)
    assert (found.refused, found.samples) == ("ptrace", [])


# Where all threads stand.


def test_threads_are_asked_for_while_a_probe_waits(
    board: Board, spy: Callable[..., Spy], monkeypatch: pytest.MonkeyPatch
) -> None:
    spy()
    monkeypatch.setattr(watching, "_ASK", 0.01)
    found = outside(board, waits=MAX_STALL * 2)
    looked(found, lambda: found.asked > 1)
    assert found.asked == board._words[inside.ASKED]


def test_threads_are_asked_for_now_and_then(board: Board, spy: Callable[..., Spy]) -> None:
    spy()
    assert looked(outside(board, waits=MAX_STALL * 2)).asked == 1


def test_threads_are_not_asked_for_while_probes_are_answered(
    board: Board, spy: Callable[..., Spy]
) -> None:
    spy()
    assert looked(outside(board, waits=MAX_STALL / 2)).asked == 0


def test_what_fails_is_told_to_who_waits(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: int) -> None:
        raise json.JSONDecodeError("no json", "", 0)

    monkeypatch.setattr(watching, "dump", fail)
    silent(board)
    with pytest.raises(json.JSONDecodeError):
        asyncio.run(outside(board, PROCESS).sample())
