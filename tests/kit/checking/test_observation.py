"""What one window of a check shows of the event loops that it watches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from asgi_liveness.checking.observation import CheckObservation, with_loops
from asgi_liveness.checking.served import Served
from asgi_liveness.inside.injected import layout as inside
from asgi_liveness.serving.board import Board
from asgi_liveness.serving.records import Sample, ThreadStack
from asgi_liveness.stalls.sampler import Sampler
from tests.kit.checking.windows import REPORT, write_heartbeat


@dataclass
class Target:
    """A server with a board."""

    ended: bool = False
    exit_code: int | None = None

    def last_words(self) -> str:
        return "bye"


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    made = Board(tmp_path, 0.2)
    yield made
    made.close()


SECOND = 10**9
BEGAN = 100.0


def write(board: Board, process: int, *lines: object) -> None:
    """Append *lines* to the samples of *process*."""
    with (board.path.parent / f"samples.{process}.2").open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def observed(
    board: Board,
    serves: set[int],
    change: Callable[[], None] = lambda: None,
    *,
    ended: bool = False,
    exit_code: int | None = None,
    **fields: Any,
) -> CheckObservation:
    """Observe a window in which *change* happens; *fields* are those of its sampler."""
    sampler = Sampler(board, serves, lambda: 0.0, refused="ptrace", **fields)
    before = sampler.heartbeats()
    change()
    observation = CheckObservation(began=BEGAN, ended=time.monotonic(), probes=())
    return with_loops(observation, cast("Served", Target(ended, exit_code)), sampler, before)


def sample(at: float) -> dict[str, Any]:
    frames = [list(REPORT)]
    counted = {"ran": 0, "queued": 0, "slices": 0, "ready": False, "cpu": 0}
    return {"began": 1, "at": int(at * SECOND), **counted, "frames": frames}


def end(at: float) -> dict[str, Any]:
    return {"began": 1, "ended": int(at * SECOND)}


def test_samples_and_ends_of_serving_processes_are_observed(board: Board) -> None:
    me = os.getpid()
    write_heartbeat(board, PROCESS=me, STATE=1)
    write(board, me, sample(BEGAN - 1), end(BEGAN - 0.5), sample(BEGAN + 1), end(BEGAN + 2))
    write(board, me + 1, sample(BEGAN + 1), end(BEGAN + 2))
    observation = observed(board, {me})
    assert [each.process for each in observation.heartbeats] == [me]
    assert [(each.process, each.at) for each in observation.samples] == [(me, BEGAN + 1)]
    assert [(each.process, each.ended) for each in observation.ends] == [(me, BEGAN + 2)]
    assert (observation.refused, observation.died) == ("ptrace", "")


def test_samples_from_py_spy_of_serving_processes_are_observed(board: Board) -> None:
    taken = [
        Sample(process, 1.0, at, (REPORT,)) for process, at in ((7, 101.0), (8, 101.0), (7, 99.0))
    ]
    assert observed(board, {7}, samples=taken).samples == (taken[0],)


def test_a_worker_that_started_in_the_window_is_in_the_observation(board: Board) -> None:
    me = os.getpid()
    write(board, me, sample(BEGAN + 1))
    started = observed(board, set(), change=lambda: write_heartbeat(board, PROCESS=me, STATE=1))
    assert len(started.samples) == len(started.heartbeats) == 1


@pytest.mark.parametrize(("ran_before", "seen"), [(False, [200.0]), (True, [100.5, 200.0])])
def test_the_start_of_a_worker_that_began_in_the_window_is_no_stall(
    board: Board, seen: list[float], *, ran_before: bool
) -> None:
    me = os.getpid()

    def starts() -> None:
        write_heartbeat(board, PROCESS=me, STATE=1, PORTS=8000, SERVES_SINCE=150 * SECOND)

    if ran_before:  # as one that froze before it served
        starts()
    for began in (int(100.5 * SECOND), 200 * SECOND):  # the import, and a stall while it serves
        write(board, me, sample(BEGAN + 1) | {"began": began}, end(300) | {"began": began})
    observation = observed(board, set(), change=starts)
    assert [each.began for each in observation.samples] == seen
    assert [each.began for each in observation.ends] == seen


def test_a_worker_that_stopped_its_loop_leaves_its_samples(board: Board) -> None:
    me = os.getpid()
    write_heartbeat(board, PROCESS=me, STATE=1)
    write(board, me, sample(BEGAN + 1))
    stopped = observed(board, set(), change=lambda: write_heartbeat(board, STATE=0))
    assert (len(stopped.samples), stopped.heartbeats, stopped.died) == (1, (), "")


def test_a_server_that_ended_or_lost_a_worker_has_died(board: Board) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write_heartbeat(board, PROCESS=ended.pid, STATE=1)
    assert observed(board, {ended.pid}).died == "bye"
    write_heartbeat(board, STATE=0)
    assert observed(board, set(), ended=True, exit_code=1).died == "bye"
    assert observed(board, set()).died == ""


def test_a_worker_that_ended_as_told_is_recycled(board: Board) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    def stop(state: int) -> Callable[[], None]:
        return lambda: write_heartbeat(board, STATE=state)

    write_heartbeat(board, PROCESS=ended.pid, STATE=1)
    recycled = observed(board, {ended.pid}, change=stop(inside.STOPPED))
    assert (recycled.recycled, recycled.died) == (1, "")
    write_heartbeat(board, STATE=1)
    assert observed(board, {ended.pid}, change=stop(inside.FAILED)).died == "bye"


def test_a_server_that_ended_with_0_has_not_died(board: Board) -> None:
    ended = observed(board, set(), ended=True, exit_code=0)
    assert (ended.exited, ended.died) == ("bye", "")


def test_threads_come_from_the_last_question(board: Board) -> None:
    main = {"loop": True, "frames": []}
    write(board, 7, {"request": 1, "threads": [main]}, {"request": 2, "threads": [main, main]})
    thread = ThreadStack(7, True, ())
    assert observed(board, set(), request=2).threads == (thread, thread)
    assert observed(board, set(), request=0).threads == ()


def test_an_unanswered_question_does_not_hide_the_threads_before_it(board: Board) -> None:
    write(board, 7, {"request": 1, "threads": [{"loop": True, "frames": []}]})
    assert observed(board, set(), request=2).threads == (ThreadStack(7, True, ()),)
