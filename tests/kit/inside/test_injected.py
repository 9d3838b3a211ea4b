"""A watched process beats, samples its own stalls, and runs undisturbed otherwise."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import pytest

from asgi_liveness.inside.injected import layout as inside
from asgi_liveness.inside.injected import stacks
from asgi_liveness.serving.board import Board
from asgi_liveness.serving.living import threads_of
from tests.kit.inside.watched import (
    MAX_STALL,
    Start,
    board,
    ended_stalls,
    functions,
    run,
    samples,
    start,
)
from tests.waiting import until

__all__ = ["board", "run", "start"]  # the fixtures of these tests

# The beat.


def test_a_running_loop_beats_in_the_slot_of_its_process(board: Board, start: Start) -> None:
    process = start("over(60)")
    (first,) = until(lambda: [one for one in board.heartbeats() if one.beat_at])
    (later,) = until(lambda: [one for one in board.heartbeats() if one.beat_at > first.beat_at])
    assert (later.process, later.thread, later.runs) == (process.pid, process.pid, True)
    assert (later.period, later.loop) == (inside.period(MAX_STALL), "asyncio")
    assert later.python == platform.python_version()
    assert until(lambda: board.heartbeats()[0].watcher_ran_at > later.watcher_ran_at)
    assert (samples(board), ended_stalls(board)) == ([], [])


def test_uvloop_beats_and_is_sampled_as_well(board: Board, start: Start) -> None:
    start("import uvloop\nuvloop.run(blocked(stand))")
    until(partial(ended_stalls, board))
    assert [one.loop for one in board.heartbeats()] == ["uvloop"]
    assert functions(board) == {"stand"}


def test_a_loop_of_another_kind_has_no_name(board: Board, run: Callable[..., str]) -> None:
    run("class Own(asyncio.SelectorEventLoop): pass\nOwn().run_until_complete(asyncio.sleep(0))")
    assert [one.loop for one in board.heartbeats()] == ["another event loop"]


# The samples of a stall.


def test_a_stall_is_sampled_and_its_end_is_written(board: Board, start: Start) -> None:
    process = start("asyncio.run(blocked(stand))")
    ((end, (counted, *taken)),) = until(partial(ended_stalls, board))
    assert end.process == process.pid
    assert end.ended - end.began >= 0.4
    assert (counted.stack, counted.began) == ((), end.began)  # the counters before any sample
    assert end.began < counted.at <= taken[0].at
    assert len(taken) > 1
    for sample in taken:
        assert (sample.process, sample.began) == (process.pid, end.began)
        assert end.began + MAX_STALL < sample.at <= end.ended
        (stood, line, function), (_, _, caller), *callers = sample.stack
        assert (Path(stood).name, line, function, caller) == ("script.py", 8, "stand", "blocked")
        assert callers[-1][2] == "<module>"
    assert board.heartbeats()[0].beat_at >= end.ended


def test_a_stall_that_never_ends_is_sampled_while_it_lasts(board: Board, start: Start) -> None:
    start("asyncio.run(blocked(spin))")
    until(lambda: len(samples(board)) > 2)
    assert functions(board) == {"spin"}
    assert ended_stalls(board) == []
    assert {sample.began for sample in samples(board)} == {board.heartbeats()[0].beat_at}


def test_samples_count_how_long_the_thread_ran_and_waited(board: Board, start: Start) -> None:
    start("asyncio.run(blocked(spin))")
    until(lambda: len(samples(board)) > 3)
    first, *_, last = samples(board)
    wanted = (last.ran - first.ran) + (last.queued - first.queued)
    assert last.ran > first.ran > 0
    assert wanted > 0.5 * (last.at - first.at)


def test_a_thread_that_sleeps_does_not_run(board: Board, start: Start) -> None:
    start("asyncio.run(blocked(lambda: time.sleep(60)))")
    until(lambda: len(samples(board)) > 3)
    first, *_, last = samples(board)
    assert last.ran - first.ran < 0.5 * (last.at - first.at)


@pytest.mark.parametrize("board", [0.02], indirect=True)
def test_samples_for_a_short_limit_have_no_counters(board: Board, start: Start) -> None:
    start("asyncio.run(blocked(spin))")
    until(lambda: len(samples(board)) > 2)
    assert functions(board) == {"spin"}
    assert {
        (sample.ran, sample.queued, sample.slices, sample.cpu) for sample in board.samples()
    } == {(0,) * 4}


def test_stalls_are_identified_by_the_last_beat(board: Board, start: Start) -> None:
    start(
        "async def twice():\n"
        "    stand()\n"
        "    await asyncio.sleep(0.1)\n"
        "    await blocked(stand)\n"
        "asyncio.run(twice())"
    )
    until(lambda: len(ended_stalls(board)) > 1)
    (first, _), (second, _) = ended_stalls(board)
    assert first.ended <= second.began
    assert {sample.began for sample in samples(board)} == {first.began, second.began}


def test_a_deep_stack_loses_its_outermost_frames(board: Board, start: Start) -> None:
    start(
        "def deep(n):\n    deep(n - 1) if n else stand()\nasyncio.run(blocked(lambda: deep(500)))"
    )
    until(partial(ended_stalls, board))
    deep = [sample.stack for sample in samples(board) if sample.stack[0][2] == "stand"]
    assert {len(stack) for stack in deep} == {200}


# Processes that do not stall.


def test_a_loop_that_has_stopped_does_not_stall(board: Board, start: Start) -> None:
    process = start("over()\nprint(flush=True)\ntime.sleep(60)")
    assert process.stdout
    process.stdout.readline()
    (stopped,) = board.heartbeats()
    until(lambda: board.heartbeats()[0].watcher_ran_at > stopped.beat_at + 5 * MAX_STALL)
    assert not board.heartbeats()[0].runs
    assert board.heartbeats()[0].silent(time.monotonic()) == 0.0
    assert samples(board) == []


@pytest.mark.parametrize("run_by", ["asyncio", "uvloop"])
def test_a_stall_ends_when_its_loop_stops(run_by: str, board: Board, start: Start) -> None:
    start(
        f"import {run_by}\n"
        f"loop = {run_by}.new_event_loop()\n"
        "loop.call_later(0.05, lambda: (stand(), loop.stop()))\n"
        "loop.run_forever()\n"
        "time.sleep(60)\n"
    )
    ((end, taken),) = until(partial(ended_stalls, board))
    assert end.ended >= taken[-1].at
    assert not board.heartbeats()[0].runs


def test_several_loops_of_a_process_beat_in_the_same_slot(
    board: Board, run: Callable[..., str]
) -> None:
    run("over()\nover()\nover()")
    assert len(board.heartbeats()) == 1


def test_a_process_without_a_loop_is_left_alone(board: Board, run: Callable[..., str]) -> None:
    assert run("print([thread.name for thread in threading.enumerate()])") == "['MainThread']\n"
    assert board.heartbeats() == []


# Loops in threads.

IN_A_THREAD = (
    "thread = threading.Thread(target=asyncio.run, args=[{}], daemon=True)\nthread.start()\n"
)


def test_a_loop_in_another_thread_is_watched_without_a_main_loop(
    board: Board, start: Start
) -> None:
    process = start(IN_A_THREAD.format("blocked(spin)") + "thread.join()")
    until(partial(samples, board))
    assert functions(board) == {"spin"}
    (one,) = board.heartbeats()
    assert (one.process, one.runs) == (process.pid, True)
    assert one.thread != process.pid


SERVING = (
    "async def serve():\n"
    "    server = await asyncio.start_server(lambda *_: None, '127.0.0.1', 0)\n"
    "    print(server.sockets[0].getsockname()[1], flush=True)\n"
    "    await blocked(spin)\n"
)


@pytest.mark.parametrize("run_by", ["asyncio", "uvloop"])
@pytest.mark.parametrize("first", ["thread", "main"])
def test_the_loop_that_serves_is_sampled_and_no_other(
    first: str, run_by: str, board: Board, start: Start
) -> None:
    own = f"import {run_by}\n{SERVING}"
    aside = "async def aside():\n    while True:\n        stand()\n        await asyncio.sleep(0)\n"
    serves, other = ("serve()", "aside()") if first == "thread" else ("aside()", "serve()")
    thread = IN_A_THREAD.format(serves).replace("asyncio.run", f"{run_by}.run")
    process = start(f"{own}{aside}{thread}time.sleep(0.2)\n{run_by}.run({other})")
    assert process.stdout
    port = int(process.stdout.readline())
    until(lambda: "spin" in functions(board))
    (serving,) = [one for one in board.heartbeats() if one.ports]
    assert serving.ports == (port,)
    assert 0 < serving.serves_since <= serving.beat_at
    assert (serving.thread == process.pid) == (first == "main")
    late = [one for one in samples(board) if one.at > serving.beat_at]
    assert {one.slot for one in late} == {serving.slot}


def test_a_loop_that_runs_again_serves_the_same_port(board: Board, start: Start) -> None:
    process = start(
        "loop = asyncio.new_event_loop()\n"
        "made = asyncio.start_server(lambda *_: None, '127.0.0.1', 0)\n"
        "made = loop.run_until_complete(made)\n"
        "print(made.sockets[0].getsockname()[1], flush=True)\n"
        "loop.run_until_complete(asyncio.sleep(60))\n"
    )
    assert process.stdout
    port = int(process.stdout.readline())
    until(lambda: [one for one in board.heartbeats() if one.runs and one.ports == (port,)])


def test_a_loop_within_itself_has_one_heartbeat(board: Board, run: Callable[..., str]) -> None:
    run(
        "async def nested():\n"
        "    loop = asyncio.get_running_loop()\n"
        "    before = len(loop._scheduled)\n"
        "    for _ in range(100):\n"
        "        asyncio._set_running_loop(loop)\n"
        "    assert len(loop._scheduled) == before, loop._scheduled\n"
        "asyncio.run(nested())"
    )
    assert len(board.heartbeats()) == 1


def test_loops_that_start_at_once_have_a_slot_each(board: Board, start: Start) -> None:
    start(
        "threads = [threading.Thread(target=over, args=[60], daemon=True) for _ in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "time.sleep(60)"
    )
    until(lambda: sum(one.beat_at > 0 for one in board.heartbeats()) >= 8)
    heartbeats = board.heartbeats()
    assert len({one.slot for one in heartbeats}) == len(heartbeats) == 8
    until(
        lambda: all(
            b.beat_at > a.beat_at for a, b in zip(heartbeats, board.heartbeats(), strict=True)
        )
    )


@pytest.mark.parametrize(
    ("ending", "failed"),
    [
        ("asyncio.sleep(0)", False),
        ("asyncio.sleep(0, sys.exit(3))", True),
        ("fall()", True),
        ("signal_to_end()", False),
    ],
)
@pytest.mark.parametrize("run_by", ["asyncio", "uvloop"])
def test_a_loop_that_an_exception_ends_has_failed(
    ending: str, failed: bool, run_by: str, board: Board, start: Start
) -> None:
    process = start(
        f"import {run_by}, signal\n"
        "async def fall():\n    asyncio.get_running_loop().call_soon(sys.exit, 3)\n"
        "    await asyncio.sleep(60)\n"
        "async def signal_to_end():\n"
        "    loop, ended = asyncio.get_running_loop(), asyncio.Event()\n"
        "    loop.add_signal_handler(signal.SIGTERM, ended.set)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n    await ended.wait()\n"
        f"async def end():\n    await {ending}\n"
        f"{run_by}.run(end())"
    )
    process.wait(60)
    (one,) = board.heartbeats()
    assert (one.runs, one.failed) == (False, failed)


def test_a_loop_that_ends_in_another_thread_leaves_the_main_loop_watched(
    board: Board, start: Start
) -> None:
    start(
        "async def both():\n"
        "    thread = threading.Thread(target=over)\n"
        "    thread.start()\n"
        "    await asyncio.to_thread(thread.join)\n"
        "    await blocked(spin)\n"
        "asyncio.run(both())"
    )
    until(partial(samples, board))
    assert functions(board) == {"spin"}


# The stacks of all threads.


def test_all_threads_but_the_watcher_write_their_stacks(board: Board, start: Start) -> None:
    start(
        "threading.Thread(target=spin, name='worker', daemon=True).start()\n"
        "asyncio.run(blocked(lambda: time.sleep(60)))"
    )
    until(partial(samples, board))

    for _ in range(2):
        number = board.request_threads()
        threads = until(partial(board.threads, number))
        innermost = {(thread.is_loop, thread.stack[0][2]) for thread in threads}
        assert (len(threads), innermost) == (2, {(True, "<lambda>"), (False, "spin")})


# The frames of a thread.


def functions_at(event: str, call: Callable[[], object]) -> list[str]:
    """Return the functions of a sample taken when *call* is entered or left."""
    found: list[list[str]] = []

    def note(frame: FrameType, now: str, _: object) -> None:
        if now == event and frame.f_code is call.__code__ and not found:
            found.append([function for _, _, function in stacks.entries([*stacks.callers(frame)])])

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return found[0]


def test_a_function_that_is_only_entered_is_left_out() -> None:
    def work() -> int:
        return 1

    here = ["functions_at", "test_a_function_that_is_only_entered_is_left_out"]
    assert functions_at("call", work)[:2] == here
    assert functions_at("return", work)[:3] == ["work", *here]


def test_a_function_of_a_single_line_is_never_only_entered() -> None:
    assert functions_at("call", lambda: 1)[0] == "<lambda>"


# The counters of the system.


def test_counters_of_a_thread_are_zeros_after_its_end() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    with process:
        assert process.stdin
        spent = partial(stacks.spent, process.pid, process.pid)
        counted = until(lambda: [counted for counted in [spent()] if counted.ran])[0]
        assert counted.ran > counted.slices > 0
        process.communicate(b"\n")
    assert stacks.spent(process.pid, process.pid) == stacks.Spent(0, 0, 0, ready=False)


@pytest.mark.parametrize(
    ("code", "ready"), [("while True: pass", True), ("import time; time.sleep(60)", False)]
)
def test_a_thread_is_ready_while_it_wants_a_processor(code: str, *, ready: bool) -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", code])
    try:
        spent = partial(stacks.spent, process.pid, process.pid)
        until(lambda: all(spent().ready is ready for _ in range(20)))
    finally:
        process.kill()
        process.wait()


def test_a_heartbeat_ends_soon_after_its_board(board: Board, start: Start) -> None:
    process = start("over(60)")
    until(lambda: [one for one in board.heartbeats() if one.beat_at])
    assert threads_of(process.pid) == 2
    board.path.unlink()
    until(lambda: threads_of(process.pid) == 1)
    # The file is gone, and still open here. A heart that goes on is never silent for so long.
    until(lambda: time.monotonic() - board.heartbeats()[0].beat_at > 1.0)
    assert process.poll() is None
