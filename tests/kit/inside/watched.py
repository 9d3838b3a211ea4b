"""A watched Python that runs some lines, and the samples on its board."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asgi_liveness.serving.board import Board
from asgi_liveness.serving.records import Sample, StallEnd

LIMIT = 20.0  # seconds that a test waits for a process
MAX_STALL = 0.05

Start = Callable[..., subprocess.Popen[bytes]]

HEAD = """\
import asyncio, os, sys, threading, time

def spin():
    while True:
        pass

def stand():
    time.sleep(0.4)

async def blocked(call):
    await asyncio.sleep(0.05)
    call()
    await asyncio.sleep(60)

def over(seconds=0.05):
    asyncio.run(asyncio.sleep(seconds))

"""


@pytest.fixture
def board(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Board]:
    (tmp_path / "board").mkdir()
    made = Board(tmp_path / "board", getattr(request, "param", MAX_STALL))
    yield made
    made.close()


@pytest.fixture
def start(board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a watched Python that runs some lines; it and its forks are killed after the test.

    Variables with an empty value are left out of its environment.
    """
    monkeypatch.delenv("PYTHONPATH", raising=False)
    started: list[subprocess.Popen[bytes]] = []

    def start(lines: str, **environment: str) -> subprocess.Popen[bytes]:
        script = tmp_path / "script.py"
        script.write_text(HEAD + lines)
        watched = board.watched(environment)
        left_out = {name for name, value in environment.items() if not value}
        with (tmp_path / "err").open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-W", "ignore", str(script)],
                env={name: value for name, value in watched.items() if name not in left_out},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=err,
                process_group=0,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with its forks
        process.communicate()


@pytest.fixture
def run(start: Start, tmp_path: Path) -> Callable[..., str]:
    """Run some lines to their end; return their output. An error or a warning fails the test."""

    def run(lines: str, **environment: str) -> str:
        process = start(lines, **environment)
        out, _ = process.communicate(timeout=LIMIT)
        assert (process.returncode, (tmp_path / "err").read_text()) == (0, "")
        return out.decode()

    return run


def samples(board: Board) -> list[Sample]:
    """Return the samples of the script; on a busy machine there are others."""
    return [
        sample
        for sample in board.samples()
        if sample.stack and sample.stack[0][0].endswith("script.py")
    ]


def ended_stalls(board: Board) -> list[tuple[StallEnd, list[Sample]]]:
    """Return the stalls of the script that are over, each with all its samples."""
    began = {sample.began for sample in samples(board)}
    return [
        (end, [sample for sample in board.samples() if sample.began == end.began])
        for end in board.ends()
        if end.began in began
    ]


def functions(board: Board) -> set[str]:
    """Return the innermost functions in the samples of the script."""
    return {sample.stack[0][2] for sample in samples(board)}
