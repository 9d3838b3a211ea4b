"""The board that watched processes write on, as the runner reads it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.inside.injected import layout as inside
from asgi_liveness.serving.board import Board
from asgi_liveness.serving.records import (
    Collection,
    Frame,
    Heartbeat,
    Pool,
    Sample,
    StallEnd,
    TaskStack,
    ThreadStack,
)
from tests.kit.checking.windows import heartbeat, read_word, write_heartbeat, write_word

SECOND = 10**9
FRAMES = [["/srv/a.py", 3, "view"], ["/srv/b.py", 5, "run"]]
STACK = (Frame("/srv/a.py", 3, "view"), Frame("/srv/b.py", 5, "run"))
SAMPLE = {
    "began": SECOND,
    "at": 2 * SECOND,
    "ran": 3,
    "queued": 4,
    "slices": 5,
    "ready": True,
    "cpu": 6,
    "frames": FRAMES,
}
COUNTED: dict[str, Any] = {"ran": 3e-9, "queued": 4e-9, "slices": 5, "ready": True, "cpu": 6e-9}
ENDED = {"began": SECOND, "ended": 3 * SECOND}


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    made = Board(tmp_path, 0.2)
    yield made
    made.close()


def write(board: Board, *lines: object, process: int = 7, slot: int = 2) -> None:
    with (board.path.parent / f"samples.{process}.{slot}").open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


# The words.


def test_a_new_board_has_no_heartbeat(board: Board) -> None:
    assert board.path.stat().st_size == inside.SIZE
    assert (board.heartbeats(), board.samples(), board.ends(), board.threads(0)) == ([], [], [], [])


def test_a_heartbeat_is_read_from_the_words_of_its_slot(board: Board) -> None:
    words = {"PROCESS": 7, "THREAD": 8, "BEAT_AT": 5 * SECOND, "WATCHER_RAN_AT": 6 * SECOND}
    words |= {
        "PORTS": 8000,
        "SERVES_SINCE": 4 * SECOND,
        "STATE": 1,
        "KIND": 1,
        "PYTHON": 0x030C01F0,
    }
    write_heartbeat(board, 0, **words, PERIOD=SECOND // 100)
    write_heartbeat(board, 1, PROCESS=9, PYTHON=0x030B0700, STATE=2)
    write_word(board, inside.HEADER + inside.LATE_BY, SECOND // 2)
    write_word(board, inside.HEADER + inside.LATE + 3, 6)
    none = (0,) * (len(inside.EDGES) + 1)
    late = {"late_by": 0.5, "late": (0, 0, 0, 6, *none[4:])}
    serves: dict[str, Any] = {"slot": 2, "ports": (8000,), "serves_since": 4.0, **late}
    second: dict[str, Any] = {"slot": inside.HEADER + inside.SLOT, "failed": True, "late": none}
    assert board.heartbeats() == [
        Heartbeat(7, 8, True, 5.0, 6.0, 0.01, "uvloop", "3.12.1", **serves),
        Heartbeat(9, 0, False, 0.0, 0.0, 0.0, "asyncio", "3.11.7", **second),
    ]


def test_the_last_slot_is_read_and_no_word_after_it(board: Board) -> None:
    write_heartbeat(board, inside.LOOPS - 1, PROCESS=7)
    write_word(board, inside.TAKEN, inside.LOOPS + 3)
    heartbeats = board.heartbeats()
    assert len(heartbeats) == inside.LOOPS
    assert heartbeats[-1].process == 7


def test_a_loop_is_silent_for_the_time_that_it_is_late() -> None:
    late = heartbeat(beat_at=100.0, period=0.01)
    assert late.silent(100.01) == pytest.approx(0.0)
    assert late.silent(100.5) == pytest.approx(0.49)
    assert heartbeat(beat_at=100.0, runs=False).silent(100.5) == 0.0


@pytest.mark.parametrize(
    ("max_stall", "period"),
    [(0.2, 0.01), (0.04, 0.01), (0.02, 0.005), (0.005, 0.00125), (0, 0.001)],
)
def test_a_period_is_a_quarter_of_the_limit_within_bounds(max_stall: float, period: float) -> None:
    assert inside.period(max_stall) == pytest.approx(period)


# The environment that makes a process write on the board.


def test_a_watched_environment_has_our_folder_first_on_its_path(board: Board) -> None:
    folder = str(Path(inside.__file__).parent)
    theirs = {"HOME": "/home/me"}
    assert board.watched(theirs) == {
        "HOME": "/home/me",
        "PYTHONPATH": folder,
        "ASGI_LIVENESS_BOARD": str(board.path),
        "ASGI_LIVENESS_MAX_STALL": "0.2",
    }
    assert theirs == {"HOME": "/home/me"}
    assert board.watched({"PYTHONPATH": "/a:/b"})["PYTHONPATH"] == f"{folder}{os.pathsep}/a:/b"
    assert board.watched({"PYTHONPATH": ""})["PYTHONPATH"] == folder


# The files of samples.


def test_samples_and_ends_are_read_from_the_files_of_all_processes(board: Board) -> None:
    write(board, SAMPLE, ENDED)
    write(board, {**SAMPLE, "at": 5 * SECOND}, process=9, slot=11)
    first = Sample(7, 1.0, 2.0, STACK, **COUNTED)
    assert board.samples() == [first, Sample(9, 1.0, 5.0, STACK, **COUNTED, slot=11)]
    assert board.ends() == [StallEnd(7, 1.0, 3.0)]


def test_a_beat_on_the_board_and_in_a_file_is_the_same_moment(board: Board) -> None:
    moment = 123_456_789_012_345
    write_heartbeat(board, BEAT_AT=moment)
    write(board, {**SAMPLE, "began": moment}, {"began": moment, "ended": moment + 1})
    assert board.heartbeats()[0].beat_at == board.samples()[0].began == board.ends()[0].began


def test_a_line_without_its_end_is_not_read_yet(board: Board) -> None:
    write(board, SAMPLE)
    with (board.path.parent / "samples.7.2").open("a") as file:
        file.write('{"began": 1, "en')
        file.flush()
        assert (len(board.samples()), board.ends()) == (1, [])
        file.write('ded": 3000000000}')
        file.flush()
        assert board.ends() == []
        file.write("\n")
        file.flush()
    assert board.ends() == [StallEnd(7, 1e-9, 3.0)]


def test_a_file_name_of_any_bytes_is_read(board: Board) -> None:
    write(board, {**SAMPLE, "frames": [["/srv/\udce4\n.py", 1, "v\u00e4"]]})
    assert board.samples()[0].stack == (Frame("/srv/\udce4\n.py", 1, "v\u00e4"),)


# The stacks of all threads.


def test_stacks_of_threads_belong_to_a_numbered_request(board: Board) -> None:
    assert [board.request_threads(), board.request_threads()] == [1, 2]
    assert read_word(board, inside.REQUESTS) == 2
    main = {"loop": True, "frames": FRAMES}
    pooled = {"loop": False, "frames": []}
    write(
        board, {"request": 1, "threads": [main]}, SAMPLE, {"request": 2, "threads": [main, pooled]}
    )
    write(board, {"request": 2, "threads": [pooled]}, process=9)
    assert board.threads(1) == [ThreadStack(7, True, STACK)]
    assert board.threads(2) == [
        ThreadStack(7, True, STACK),
        ThreadStack(7, False, ()),
        ThreadStack(9, False, ()),
    ]
    assert board.threads(3) == []
    assert len(board.samples()) == 1


def test_a_closed_board_leaves_its_file_to_the_keeper(tmp_path: Path) -> None:
    made = Board(tmp_path, 0.2)
    made.close()
    made.close()
    assert made.path.exists()
    with pytest.raises(OSError, match="Bad file descriptor"):
        made.heartbeats()


# Data from outside.


@pytest.mark.parametrize(
    "line",
    [b"", b"[]", b"{", b'{"at": 1}', b'{"request": 1, "threads": 3}', b"[" * 10_000, b"\xff\x00"],
)
def test_a_line_of_another_form_is_left_out(line: bytes, board: Board) -> None:
    (board.path.parent / "samples.7.2").write_bytes(line + b"\n")
    write(board, SAMPLE)
    assert len(board.samples()) == 1
    assert (board.ends(), board.threads(1), board.tasks(1)) == ([], [], [])


def test_a_file_of_samples_that_is_no_file_is_left_out(board: Board) -> None:
    os.mkfifo(board.path.parent / "samples.7.2")
    (board.path.parent / "samples.8.2").mkdir()
    (board.path.parent / "samples.x.2").write_text("{}\n")
    assert board.samples() == []


def test_a_board_that_a_process_truncates_has_no_heartbeats(board: Board) -> None:
    write_heartbeat(board, PROCESS=7)
    os.truncate(board.path, 0)
    assert board.heartbeats() == []


def test_words_of_another_form_are_a_heartbeat_all_the_same(board: Board) -> None:
    most = 2**64 - 1
    write_heartbeat(board, KIND=most, STATE=most, PYTHON=most, PORTS=most, BEAT_AT=most)
    (found,) = board.heartbeats()
    assert (found.loop, found.runs, found.ports) == ("another event loop", False, (65535,) * 4)


# Collections, tasks, pools.


def test_passes_of_the_collector_are_read_apart_from_stalls(board: Board) -> None:
    write(board, {"collected": SECOND, "ended": 2 * SECOND}, slot=0)
    assert board.collections() == [Collection(7, 1.0, 2.0)]
    assert board.ends() == []


def test_tasks_and_pools_belong_to_a_numbered_request(board: Board) -> None:
    pooled = {"loop": False, "frames": [], "pool": ["asyncio", 0, 3]}
    write(board, {"request": 1, "threads": [pooled], "tasks": [[2, FRAMES]]}, slot=0)
    assert board.threads(1) == [ThreadStack(7, False, (), Pool("asyncio", 0, 3))]
    assert board.tasks(1) == [TaskStack(7, 2, STACK)]
    assert board.tasks(2) == []
