"""When py-spy dumps a process, and the samples from its dumps."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.inside.injected import layout as inside
from asgi_liveness.inside.injected.stacks import Spent
from asgi_liveness.serving.board import Board
from asgi_liveness.serving.records import Frame, Heartbeat
from asgi_liveness.stalls import sampler as sampling
from asgi_liveness.stalls.sampler import Sampler
from asgi_liveness.stalls.spy import Refused, SpiedThread
from tests.kit.checking.windows import (
    LOOP,
    OTHER,
    PROCESS,
    REPORT,
    SELECTING,
    read_word,
    write_heartbeat,
)

LIMIT = 10.0  # seconds
MAX_STALL = 0.05
THREAD = 71
ROUNDS = 20
"""Reads of the board, after which a test expects no further sample."""


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    monkeypatch.setattr(sampling, "_EVERY", 0.001)
    monkeypatch.setattr(sampling, "_DUMPS", 0.03)
    made = Board(tmp_path, MAX_STALL)
    yield made
    made.close()


class Spy:
    """A stand-in for py-spy; *meanwhile* runs during each dump."""

    def __init__(self, result: list[SpiedThread] | Refused, meanwhile: Callable[[], None]) -> None:
        self.result, self.meanwhile = result, meanwhile
        self.dumped: list[int] = []
        """The processes, in the order of the dumps."""
        self.times: list[float] = []

    async def dump(self, process: int) -> list[SpiedThread] | Refused:
        self.dumped.append(process)
        self.times.append(time.monotonic())
        await asyncio.sleep(0)
        self.meanwhile()
        return self.result


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Spy]:
    def make(
        *threads: SpiedThread, refused: str = "", meanwhile: Callable[[], None] = lambda: None
    ) -> Spy:
        made = Spy(Refused(refused) if refused else list(threads), meanwhile)
        monkeypatch.setattr(sampling, "dump", made.dump)
        return made

    return make


def nanoseconds(ago: float = 0.0) -> int:
    return int((time.monotonic() - ago) * 1e9)


def silent(board: Board, process: int = PROCESS, slot: int = 0, **changes: Any) -> None:
    """Write the words of a process in which neither the loop nor its watcher runs."""
    words = {
        "PROCESS": process,
        "THREAD": THREAD,
        "STATE": 1,
        "BEAT_AT": nanoseconds(ago=1.0),
        "WATCHER_RAN_AT": nanoseconds(ago=0.9),
        "PERIOD": 10**7,
    }
    write_heartbeat(board, slot, **{**words, **changes})


def thread(*frames: Frame, native: int = THREAD, holds_gil: bool = False) -> SpiedThread:
    return SpiedThread(native, holds_gil, (*frames, *LOOP))


def run(sampler: Sampler, until: Callable[[], object] | None = None) -> Sampler:
    """Let a sampler run until a condition holds, or for some rounds."""
    rounds = 0

    async def sample() -> None:
        nonlocal rounds
        task = asyncio.create_task(sampler.sample())
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
    return sampler


def sampler(board: Board, *serves: int, waits: float = 0.0) -> Sampler:
    return Sampler(board, set(serves), lambda: waits)


# The event loops that count.


def test_heartbeats_are_those_of_loops_that_run_and_serve(board: Board) -> None:
    silent(board, 7, slot=0)
    silent(board, 8, slot=1)
    silent(board, 9, slot=2, STATE=0)
    assert [heartbeat.process for heartbeat in sampler(board, 7, 9).heartbeats()] == [7]
    assert [heartbeat.process for heartbeat in sampler(board, 7, 8, 9).heartbeats()] == [7, 8]


def test_the_loop_that_serves_the_port_is_the_one_that_counts(board: Board) -> None:
    silent(board, 7, slot=0)
    silent(board, 7, slot=1, THREAD=72, PORTS=8000)
    silent(board, 8, slot=2, PORTS=9000 << 16 | 8000)
    silent(board, 9, slot=3, PORTS=9000)
    silent(board, 10, slot=4, PORTS=8000, STATE=0)
    found = Sampler(board, {7, 9}, lambda: 0.0, 8000).heartbeats()
    assert [(heartbeat.process, heartbeat.thread) for heartbeat in found] == [(7, 72), (8, THREAD)]
    other = Sampler(board, {7, 9}, lambda: 0.0, 8001).heartbeats()
    assert {heartbeat.process for heartbeat in other} == {7, 9}


def test_another_loop_does_not_count_where_the_one_that_served_the_port_has_ended(
    board: Board,
) -> None:
    silent(board, 7, slot=0)
    silent(board, 8, slot=1, PORTS=8000, STATE=0)
    assert Sampler(board, {7, 8}, lambda: 0.0, 8000).heartbeats() == []


def test_heartbeats_are_of_all_running_loops_if_none_serves(board: Board) -> None:
    silent(board, 7, slot=0)
    silent(board, 8, slot=1)
    silent(board, 9, slot=2, STATE=0)
    assert [heartbeat.process for heartbeat in sampler(board).heartbeats()] == [7, 8]
    assert [heartbeat.process for heartbeat in sampler(board, 5, 9).heartbeats()] == [7, 8]


def test_loops_of_main_threads_come_before_others(board: Board) -> None:
    silent(board, 7, slot=0, THREAD=7)
    silent(board, 8, slot=1, THREAD=80)
    silent(board, 9, slot=2, THREAD=9)
    assert [heartbeat.process for heartbeat in sampler(board, 7, 8, 9).heartbeats()] == [7, 9]
    assert [heartbeat.process for heartbeat in sampler(board, 8).heartbeats()] == [8]


# A process that cannot sample itself.


def test_a_process_whose_watcher_cannot_run_is_dumped(
    board: Board, spy: Callable[..., Spy]
) -> None:
    fake = spy(thread(REPORT, holds_gil=True), thread(OTHER, native=72))
    silent(board)
    found = sampler(board, PROCESS)
    first, second = run(found, lambda: len(found.samples) > 1).samples[:2]
    assert fake.dumped[0] == PROCESS
    assert first.process == PROCESS
    assert first.stack == (REPORT, *LOOP)
    assert (first.gil_held, first.by_another) == (True, 0)
    assert first.began == board.heartbeats()[0].beat_at
    assert (first.ran, first.queued) == (0.0, 0.0)  # there is no such thread
    assert second.at > first.at > first.began
    assert second.began == first.began


@pytest.mark.parametrize(("late", "times"), [(0.75 * MAX_STALL, 1), (0.0, 0)])
def test_what_the_thread_of_a_late_loop_used_is_counted_once(
    late: float, times: int, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "spent", lambda *_: Spent(3 * 10**9, 10**9, 5, ready=True))
    monkeypatch.setattr(Heartbeat, "silent", lambda *_: late)
    silent(board)
    found = run(sampler(board, PROCESS)).samples
    assert [(each.stack, each.outside, each.ready) for each in found] == [((), True, True)] * times
    assert [(each.ran, each.queued, each.slices) for each in found] == [(3.0, 1.0, 5)] * times


def test_dumps_of_a_process_are_some_time_apart(board: Board, spy: Callable[..., Spy]) -> None:
    fake = spy(thread(REPORT))
    silent(board)
    run(sampler(board, PROCESS), lambda: len(fake.times) > 2)
    first, second, third = fake.times[:3]
    assert second - first >= sampling._DUMPS * 0.99
    assert third - second >= sampling._DUMPS * 0.99


def test_slow_dumps_take_a_third_of_the_time_at_most(
    board: Board, spy: Callable[..., Spy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "_SLOW", 0.0)
    took = 2 * sampling._DUMPS
    fake = spy(thread(REPORT), meanwhile=lambda: time.sleep(took))
    for slot, process in enumerate((PROCESS, PROCESS + 1)):
        silent(board, process, slot)
    run(sampler(board, PROCESS, PROCESS + 1), lambda: len(fake.times) > 2)
    first, second, third = fake.times[:3]
    assert second - first >= 3 * took
    assert third - second >= 3 * took


def test_each_worker_whose_watcher_cannot_run_is_dumped(
    board: Board, spy: Callable[..., Spy]
) -> None:
    fake = spy(thread(REPORT))
    for slot, process in enumerate((7, 8, 9)):
        silent(board, process, slot)
    run(sampler(board, 7, 9), lambda: len(fake.dumped) > 3)
    assert set(fake.dumped) == {7, 9}


@pytest.mark.parametrize(
    "words",
    [
        {"WATCHER_RAN_AT": 10**18},
        {"BEAT_AT": 10**18},
        {"STATE": 0},
        {"PERIOD": 10**10},
    ],
    ids=["its watcher runs", "it beats", "it has stopped", "not due yet"],
)
def test_a_process_that_samples_itself_or_does_not_stall_is_left_alone(
    words: dict[str, int], board: Board, spy: Callable[..., Spy]
) -> None:
    fake = spy(thread(REPORT))
    silent(board, **words)
    assert run(sampler(board, PROCESS)).samples == []
    assert fake.dumped == []


@pytest.mark.parametrize("word", ["BEAT_AT", "WATCHER_RAN_AT"])
def test_a_process_that_ran_during_the_dump_did_not_stall(
    word: str, board: Board, spy: Callable[..., Spy]
) -> None:
    fake = spy(
        thread(REPORT), meanwhile=lambda: write_heartbeat(board, **{word: nanoseconds(ago=0.5)})
    )
    silent(board)
    found = run(sampler(board, PROCESS), lambda: len(fake.dumped) > 2)
    assert found.samples == []


@pytest.mark.parametrize(
    ("threads", "stack", "by_another"),
    [
        ((thread(REPORT), thread(OTHER, native=72, holds_gil=True)), (OTHER, *LOOP), 72),
        ((thread(OTHER, native=72), thread(REPORT)), (REPORT, *LOOP), 0),
        ((thread(OTHER, native=72),), (), 0),
    ],
    ids=["the holder", "the loop's own without a holder", "none without a stack of it"],
)
def test_the_thread_that_holds_the_gil_is_to_blame(
    threads: tuple[SpiedThread, ...],
    stack: tuple[Frame, ...],
    by_another: int,
    board: Board,
    spy: Callable[..., Spy],
) -> None:
    spy(*threads)
    silent(board)
    found = sampler(board, PROCESS)
    sample = run(found, lambda: found.samples).samples[0]
    assert (sample.stack, sample.by_another, sample.gil_held) == (stack, by_another, True)


def test_a_refusal_is_kept_with_an_empty_sample(board: Board, spy: Callable[..., Spy]) -> None:
    spy(refused="ptrace")
    silent(board)
    found = sampler(board, PROCESS)
    sample = run(found, lambda: found.samples).samples[0]
    assert found.refused == "ptrace"
    assert (sample.stack, sample.gil_held, sample.by_another) == ((), True, 0)


# A process whose own samples blame no line.


def write_samples(board: Board, *frames: Frame, times: int = 2) -> None:
    """Write samples as the watcher of a stalled process takes them."""
    write_heartbeat(board, PROCESS=PROCESS, THREAD=THREAD, STATE=1, PERIOD=10**7)
    write_heartbeat(board, BEAT_AT=nanoseconds(ago=1.0), WATCHER_RAN_AT=10**18)
    began = read_word(board, inside.HEADER + inside.BEAT_AT)
    counted = {"at": began, "ran": 0, "queued": 0, "slices": 0, "ready": False, "cpu": 0}
    line = {"began": began, **counted, "frames": [*map(list, frames), *map(list, LOOP)]}
    with samples_of(board).open("a") as file:
        file.write((json.dumps(line) + "\n") * times)


def samples_of(board: Board) -> Path:
    """Return the file of the samples of the first loop."""
    return board.path.parent / f"samples.{PROCESS}.{inside.HEADER}"


def test_a_process_whose_samples_blame_no_line_is_dumped(
    board: Board, spy: Callable[..., Spy]
) -> None:
    spy(thread(REPORT), thread(OTHER, native=72, holds_gil=True))
    write_samples(board)
    found = sampler(board, PROCESS)
    sample = run(found, lambda: found.samples).samples[0]
    assert (sample.stack, sample.outside) == ((REPORT, *LOOP), True)
    assert (sample.gil_held, sample.by_another) == (False, 0)


def test_samples_of_an_earlier_stall_do_not_count_for_this_one(
    board: Board, spy: Callable[..., Spy]
) -> None:
    spy(thread(OTHER))
    write_samples(board, REPORT)
    write_samples(board)
    found = sampler(board, PROCESS)
    assert run(found, lambda: found.samples).samples[0].stack[0] == OTHER


@pytest.mark.parametrize(
    ("frames", "times"), [((REPORT,), 2), ((), 1)], ids=["it blames a line", "it has one sample"]
)
def test_a_process_whose_samples_may_blame_a_line_is_left_alone(
    frames: tuple[Frame, ...], times: int, board: Board, spy: Callable[..., Spy]
) -> None:
    fake = spy(thread(REPORT))
    write_samples(board, *frames, times=times)
    run(sampler(board, PROCESS))
    assert fake.dumped == []


# A process without a watcher.


def test_a_process_without_a_watcher_is_dumped_while_a_probe_waits(
    board: Board, spy: Callable[..., Spy]
) -> None:
    fake = spy(SpiedThread(72, True, (OTHER,)), thread(REPORT, native=PROCESS))
    found = sampler(board, PROCESS, waits=1.0)
    began = time.monotonic() - 1.0
    first, second = run(found, lambda: len(found.samples) > 1).samples[:2]
    assert set(fake.dumped) == {PROCESS}
    assert (first.process, first.stack) == (PROCESS, (REPORT, *LOOP))
    assert not first.gil_held
    assert first.began >= began - 0.01
    assert second.at > first.at


def test_a_loop_in_any_thread_is_sampled(board: Board, spy: Callable[..., Spy]) -> None:
    spy(SpiedThread(PROCESS, False, (OTHER,)), thread(REPORT, native=72))
    found = sampler(board, PROCESS, waits=1.0)
    assert run(found, lambda: found.samples).samples[0].stack[0] == REPORT


def test_samples_while_one_probe_waits_are_of_one_stall(
    board: Board, spy: Callable[..., Spy]
) -> None:
    spy(SpiedThread(PROCESS, False, SELECTING))
    due = round(time.monotonic() - 1.0, 2)
    found = Sampler(board, {PROCESS}, lambda: time.monotonic() - due)
    run(found, lambda: len(found.samples) > 2)
    assert len({sample.began for sample in found.samples}) == 1


@pytest.mark.parametrize(
    ("serves", "waits"), [((), 1.0), ((PROCESS,), MAX_STALL / 2)], ids=["no process", "not long"]
)
def test_a_process_is_not_dumped_without_need(
    serves: tuple[int, ...], waits: float, board: Board, spy: Callable[..., Spy]
) -> None:
    fake = spy(thread(REPORT, native=PROCESS))
    run(sampler(board, *serves, waits=waits))
    assert fake.dumped == []


def test_a_process_that_answered_during_the_dump_did_not_stall(
    board: Board, spy: Callable[..., Spy]
) -> None:
    waits = 1.0

    def answer() -> None:
        nonlocal waits
        waits = 0.0

    fake = spy(thread(REPORT, native=PROCESS), meanwhile=answer)
    found = Sampler(board, {PROCESS}, lambda: waits)
    run(found, lambda: fake.dumped)
    assert run(found).samples == []


@pytest.mark.parametrize(
    "threads", [[SpiedThread(PROCESS, False, (OTHER,))], []], ids=["no loop", "no thread"]
)
def test_a_process_that_runs_no_loop_is_not_to_blame(
    threads: list[SpiedThread], board: Board, spy: Callable[..., Spy]
) -> None:
    fake = spy(*threads)
    found = run(sampler(board, PROCESS, waits=1.0), lambda: fake.dumped)
    assert found.samples == []


def test_a_refusal_of_a_process_without_a_watcher_is_kept(
    board: Board, spy: Callable[..., Spy]
) -> None:
    spy(refused="ptrace")
    found = sampler(board, PROCESS, waits=1.0)
    run(found, lambda: found.refused)
    assert (found.refused, found.samples) == ("ptrace", [])


# The stacks of all threads.


def test_stacks_of_threads_are_requested_while_a_probe_waits(
    board: Board, spy: Callable[..., Spy], monkeypatch: pytest.MonkeyPatch
) -> None:
    spy()
    monkeypatch.setattr(sampling, "_REQUESTS", 0.01)
    found = sampler(board, waits=MAX_STALL * 2)
    run(found, lambda: found.request > 1)
    assert found.request == read_word(board, inside.REQUESTS)


def test_requests_for_stacks_are_some_time_apart(board: Board, spy: Callable[..., Spy]) -> None:
    spy()
    assert run(sampler(board, waits=MAX_STALL * 2)).request == 1


def test_no_stacks_are_requested_while_probes_are_answered(
    board: Board, spy: Callable[..., Spy]
) -> None:
    spy()
    assert run(sampler(board, waits=MAX_STALL / 2)).request == 0


def test_an_error_of_the_sampler_is_raised(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: int) -> None:
        raise json.JSONDecodeError("no json", "", 0)

    monkeypatch.setattr(sampling, "dump", fail)
    silent(board)
    with pytest.raises(json.JSONDecodeError):
        asyncio.run(sampler(board, PROCESS).sample())
