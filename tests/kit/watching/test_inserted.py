"""The heartbeat put into a process that runs already.

Only Python 3.14 has ``sys.remote_exec``. Here a signal handler of the process takes its place: it
runs the script in the main thread, between two instructions, as the real one does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asgi_liveness.errors import TargetError, UsageError
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.watching.inserted import Inserted
from asgi_liveness.watching.observer import Observer
from tests.waiting import until

MAX_STALL = 0.05
PROCESS = """\
import asyncio, signal, sys, time

def remote(*_):
    exec(compile(open(sys.argv[1]).read(), "<remote>", "exec"), {{}})

signal.signal(signal.SIGUSR2, remote)
{before}

def spin():
    while True:
        pass

async def main():
    print("runs", flush=True)
    {main}

asyncio.run(main())
"""
Start = Callable[..., int]

pytestmark = [pytest.mark.servers, pytest.mark.python]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a process that runs some lines in its event loop; return its id."""
    started: list[subprocess.Popen[bytes]] = []
    script = tmp_path / "remote.py"

    def execute(process: int, path: str) -> None:
        shutil.copy(path, script)
        os.kill(process, signal.SIGUSR2)

    monkeypatch.setattr(sys, "remote_exec", execute, raising=False)

    def start(main: str = "pass", before: str = "") -> int:
        (tmp_path / "app.py").write_text(PROCESS.format(main=main, before=before))
        command = [sys.executable, str(tmp_path / "app.py"), str(script)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, process_group=0)
        started.append(process)
        assert process.stdout
        process.stdout.readline()
        return process.pid

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def lines_of(watched: Inserted) -> list[int]:
    """The lines of the stalls that are known."""
    observer = Observer(watched.board, Criteria(MAX_STALL))
    observer.heartbeats()
    return [each.line.frame.line for each in observer.stalls() if each.line]


def test_a_loop_that_runs_gets_a_heartbeat(start: Start) -> None:
    process = start("await asyncio.sleep(60)")
    with Inserted(process, MAX_STALL) as watched:
        (first,) = watched.board.heartbeats()
        assert (first.process, first.runs) == (process, True)
        assert until(lambda: watched.board.heartbeats()[0].beat_at > first.beat_at)
        assert watched.board.heartbeats()[0].runs  # it beat before its only sleep was over
        codes = [watched.exit_code]
        watched.interrupted()
        assert [*codes, watched.exit_code] == [None, 0]
    os.kill(process, 0)  # it goes on


def test_a_loop_that_is_frozen_is_named_with_its_line(start: Start) -> None:
    with Inserted(start("spin()"), MAX_STALL) as watched:
        assert set(until(lambda: lines_of(watched))) <= {10, 11}


def test_a_process_without_an_event_loop_does_not_beat(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asgi_liveness.watching.inserted._BEGIN_LIMIT", 0.5)
    process = start(before="print('runs', flush=True)\ntime.sleep(60)")
    with pytest.raises(TargetError, match=f"process {process} did not begin to beat within 0.5 s"):
        Inserted(process, MAX_STALL)


def test_a_python_without_remote_execution_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(sys, "remote_exec", raising=False)
    with pytest.raises(UsageError, match=r"--inject needs Python 3\.14 or later, here and in"):
        Inserted(os.getpid(), MAX_STALL)


def test_a_process_that_takes_no_code_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def execute(*_: object) -> None:
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(sys, "remote_exec", execute, raising=False)
    with pytest.raises(TargetError, match="takes no code \\(Operation not permitted\\); it needs"):
        Inserted(os.getpid(), MAX_STALL)
