"""What the processes on a board do, as long as they run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from asgi_liveness.inside.injected import layout as inside
from asgi_liveness.serving.board import Board
from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.watching.observer import Observer
from tests.kit.checking.windows import INSTALLED, LIMIT, LOOP, REPORT, write_heartbeat

SECOND = 10**9
OWN = os.getpid()
LIFESPAN = Frame(f"{INSTALLED}/uvicorn/lifespan/on.py", 86, "main")
IMPORT = Frame("<frozen importlib._bootstrap>", 241, "_call_with_frames_removed")


@pytest.fixture
def observer(tmp_path: Path) -> Iterator[Observer]:
    board = Board(tmp_path, LIMIT)
    yield Observer(board, Criteria(LIMIT))
    board.close()


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def beat(  # noqa: PLR0913 (each is a part that a test varies)
    observer: Observer,
    ago: float,
    process: int = OWN,
    *,
    at: int = 0,
    port: int = 8000,
    since: float = 100.0,
) -> int:
    """Let a loop beat some seconds *ago*; it serves *since* so many seconds. Return the moment."""
    now = time.monotonic_ns()
    moment = now - int(ago * SECOND)
    words = {"PROCESS": process, "THREAD": process, "STATE": inside.RUNS, "BEAT_AT": moment}
    words |= {"PORTS": port, "PERIOD": SECOND // 100, "WATCHER_RAN_AT": now}
    words |= {"SERVES_SINCE": now - int(since * SECOND) if port else 0}
    write_heartbeat(observer.board, at, **words)
    return moment


def write(observer: Observer, *rows: dict[str, object], process: int = OWN, at: int = 0) -> None:
    slot = inside.HEADER + at * inside.SLOT
    with (observer.board.path.parent / f"samples.{process}.{slot}").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def sampled(began: int, *stack: Frame) -> list[dict[str, object]]:
    """The lines of four samples, 60 ms apart."""
    used = {"queued": 0, "slices": 5, "ready": True, "cpu": 0}
    return [
        {
            "began": began,
            "at": began + (4 + number) * SECOND // 16,
            "ran": number * SECOND // 16,
            "frames": [*(stack or (REPORT,)), *LOOP],
            **used,
        }
        for number in range(4)
    ]


def seen(observer: Observer) -> list[tuple[float, bool, bool]]:
    """The stalls: length, whether each goes on, whether its line is known."""
    observer.heartbeats()
    found = observer.stalls()
    return [(round(each.length, 1), each.goes_on, each.line is not None) for each in found]


def test_a_loop_that_beats_has_no_stall(observer: Observer) -> None:
    beat(observer, 0.0)
    assert seen(observer) == []


def test_a_silent_loop_stalls_until_its_end_is_written(observer: Observer) -> None:
    began = beat(observer, 0.5)
    write(observer, *sampled(began))
    assert seen(observer) == [(0.5, True, True)]
    beat(observer, 0.0)
    assert seen(observer) == []
    write(observer, {"began": began, "ended": began + SECOND // 2})
    assert seen(observer) == [(0.5, False, True)]
    assert seen(observer) == []  # nothing is new


def test_a_killed_process_leaves_the_stall_that_its_samples_show(observer: Observer) -> None:
    process = ended_process()
    began = beat(observer, 5.0, process)
    write(observer, *sampled(began), process=process)
    assert seen(observer) == [(0.4, False, True)]


def test_the_last_moments_of_a_process_are_no_stall(observer: Observer) -> None:
    process = ended_process()
    began = beat(observer, 5.0, process)
    write(observer, *({**each, "frames": []} for each in sampled(began)), process=process)
    assert seen(observer) == []


def test_the_start_of_a_worker_is_no_stall(observer: Observer) -> None:
    began = beat(observer, 0.5, since=0.3)
    write(observer, *sampled(began))
    assert seen(observer) == []


@pytest.mark.parametrize(
    ("stack", "count"), [((REPORT, LIFESPAN), 0), ((REPORT, IMPORT, REPORT), 0), ((REPORT,), 1)]
)
def test_a_loop_that_serves_nothing_yet_stalls_outside_of_its_start(
    observer: Observer, stack: tuple[Frame, ...], count: int
) -> None:
    began = beat(observer, 0.5, port=0)
    write(observer, *sampled(began, *stack))
    assert len(seen(observer)) == count


@pytest.mark.parametrize("process", [OWN, os.getppid()], ids=["its own", "another"])
def test_another_loop_does_not_count_once_one_has_served(observer: Observer, process: int) -> None:
    beat(observer, 0.0)
    began = beat(observer, 0.5, process, port=0, at=1)
    write(observer, *sampled(began), process=process, at=1)
    assert seen(observer) == []


def test_the_time_of_stopped_processes_is_no_stall(observer: Observer) -> None:
    began = beat(observer, 0.5)
    write(observer, *sampled(began))
    assert seen(observer) == [(0.5, True, True)]
    observer.resumed()
    assert seen(observer) == []
    observer._resumed -= 2.0  # it was long ago, and the loop is silent still
    began = beat(observer, 3.0)
    write(observer, *sampled(began))
    assert seen(observer) == [(3.0, True, True)]


def test_a_watch_that_was_stopped_itself_blames_nobody(observer: Observer) -> None:
    began = beat(observer, 9.0)
    write(observer, *sampled(began))
    observer._looked -= 8.0
    assert seen(observer) == []


def test_what_is_old_is_forgotten_and_what_goes_on_is_kept(observer: Observer) -> None:
    began = beat(observer, 50.0)
    write(observer, *sampled(began))
    assert len(seen(observer)) == 1
    observer.forget(began / SECOND)
    assert len(observer.board.samples()) == 4
    observer.forget(None)
    assert observer.board.samples() == []


def test_a_process_that_has_ended_is_forgotten_with_its_files(observer: Observer) -> None:
    process = ended_process()
    began = beat(observer, 5.0, process)
    write(observer, *sampled(began), process=process)
    observer.heartbeats()
    observer.forget(None)
    assert len(seen(observer)) == 1  # its last lines were not read before
    observer.forget(None)
    assert (observer.heartbeats(), observer.board.samples()) == ([], [])
    assert [path.name for path in observer.board.path.parent.iterdir()] == ["board"]


def test_a_slot_that_is_given_again_is_another_loop(observer: Observer) -> None:
    beat(observer, 5.0, ended_process())
    observer.heartbeats()
    observer.forget(None)
    seen(observer)
    observer.forget(None)
    beat(observer, 0.0)
    assert [each.process for each in observer.heartbeats()] == [OWN]
