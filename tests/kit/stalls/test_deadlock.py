"""A wait of the event loop that no thread of its process can end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from asgi_liveness.serving.records import Frame, ThreadStack
from asgi_liveness.stalls.deadlock import is_deadlock, waits_for_result
from asgi_liveness.stalls.line import Line
from asgi_liveness.stalls.stalls import Stall
from tests.kit.checking.windows import (
    IDLE_WORKER,
    INSTALLED,
    LOOP,
    RANDINT,
    REPORT,
    SELECTING,
    STANDARD,
    WORKER,
    thread,
)

APP = """\
def asks():
    with LOCK:
        work()
    with open(path):
        work()
    LOCK.acquire()
    LOCK.acquire(timeout=4)
    event.wait()
    queue.get(timeout=4)
    worker.join()
    worker.join(4)
"""
THREADING = """\
def wait(self, timeout=None):
    if timeout is None:
        waiter.acquire()
    else:
        waiter.acquire(True, timeout)
"""
RESULT = Frame(f"{STANDARD}/concurrent/futures/_base.py", 451, "result")
JOIN = Frame(f"{STANDARD}/threading.py", 1119, "join")
RUN = Frame(f"{STANDARD}/threading.py", 1010, "run")
GET = Frame(f"{STANDARD}/queue.py", 171, "get")
LIBRARY = Frame(f"{INSTALLED}/exporter/export.py", 9, "export")
ENDLESS = Stall(100.0, 4.0, (), None, ran=0.0, goes_on=True)


@pytest.fixture
def threading(tmp_path: Path) -> str:
    """A copy of Python's module that waits without a limit at line 3, and with one at line 5."""
    path = tmp_path / "lib/python3.12/threading.py"
    path.parent.mkdir(parents=True)
    path.write_text(THREADING)
    return str(path)


@pytest.fixture
def wait(threading: str) -> Frame:
    return Frame(threading, 3, "wait")


@pytest.fixture
def wait_with_limit(threading: str) -> Frame:
    return Frame(threading, 5, "wait")


@pytest.fixture
def app(tmp_path: Path) -> str:
    (tmp_path / "app.py").write_text(APP)
    return str(tmp_path / "app.py")


def deadlock(*frames: Frame, threads: tuple[ThreadStack, ...], of: Stall = ENDLESS) -> bool:
    """Whether the loop is in a deadlock whose thread has these *frames*, beside other *threads*."""
    loops = thread(*frames, *LOOP, is_loop=True)
    return is_deadlock(Line(frames[-1], None, 4, frames), of, (loops, *threads))


def test_a_deadlock_has_not_ended_and_its_thread_did_not_run(wait: Frame) -> None:
    idle = (thread(*IDLE_WORKER),)
    assert deadlock(wait, REPORT, threads=idle)
    assert deadlock(wait, REPORT, threads=idle, of=replace(ENDLESS, ran=None))
    assert not deadlock(wait, REPORT, threads=idle, of=replace(ENDLESS, goes_on=False))
    assert not deadlock(wait, REPORT, threads=idle, of=replace(ENDLESS, ran=0.3))
    assert not is_deadlock(Line(REPORT, None, 4, (wait, REPORT)), ENDLESS, ())


@pytest.mark.parametrize(
    ("line", "waits"), [(2, True), (3, False), (4, False), (6, True), (7, False)]
)
def test_a_lock_is_waited_for_in_the_apps_own_line(line: int, *, waits: bool, app: str) -> None:
    assert deadlock(Frame(app, line, "asks"), threads=()) is waits


@pytest.mark.parametrize(("line", "waits"), [(8, True), (9, False), (10, True), (11, False)])
def test_a_call_with_a_limit_ends_by_itself(line: int, *, waits: bool, app: str) -> None:
    assert deadlock(JOIN, Frame(app, line, "asks"), threads=()) is waits


def test_a_wait_with_a_limit_ends_by_itself(wait_with_limit: Frame) -> None:
    assert not deadlock(wait_with_limit, REPORT, threads=())
    assert not deadlock(wait_with_limit, GET, REPORT, threads=())


def test_a_thread_that_waits_as_well_cannot_help(wait: Frame, app: str) -> None:
    for frames in (
        (wait, RESULT, REPORT, *WORKER),
        (wait, GET, REPORT, RUN),
        (Frame(app, 2, "asks"), RUN),
        IDLE_WORKER,
    ):
        assert deadlock(wait, REPORT, threads=(thread(*frames),))


def test_a_thread_that_may_end_the_wait_is_no_deadlock(wait: Frame, wait_with_limit: Frame) -> None:
    manager = Frame(f"{STANDARD}/concurrent/futures/process.py", 343, "run")
    connection = Frame(f"{STANDARD}/multiprocessing/connection.py", 930, "wait")
    for frames in (
        (RANDINT, REPORT, *WORKER),
        WORKER,
        (RUN,),
        (wait_with_limit, RUN),
        (wait_with_limit, REPORT, RUN),
        (SELECTING[0], connection, manager, RUN),
        SELECTING,
    ):
        assert not deadlock(wait, REPORT, threads=(thread(*frames),))


def test_a_library_that_looks_round_now_and_then_cannot_help(
    wait: Frame, wait_with_limit: Frame
) -> None:
    assert deadlock(wait, REPORT, threads=(thread(wait_with_limit, LIBRARY, RUN),))


def test_a_wait_for_a_result_is_one_of_a_future(wait: Frame) -> None:
    assert waits_for_result((wait, RESULT, REPORT))
    assert not waits_for_result((wait, GET, REPORT))
    assert not waits_for_result((wait,))
