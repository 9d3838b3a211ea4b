"""Inside a watched process: a heartbeat in the event loop, and a watcher thread for its stalls.

The rule: no signal, no timer of ``faulthandler``, no ctypes: each of them crashed watched
processes. No import from the kit: the process may run in another environment.

The heartbeat is a callback that stamps a word of a mapped file, the board, which the runner reads
from outside. While the beat is late, the watcher thread samples the stack of the loop's thread.
While C code holds the GIL, the watcher cannot run, which its own word on the board shows: then the
runner calls py-spy.

Python runs a file of this name when it starts, if the file's folder is on the path.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import importlib
import json
import mmap
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from types import FrameType

BOARD_VARIABLE = "ASGI_LIVENESS_BOARD"
LIMIT_VARIABLE = "ASGI_LIVENESS_MAX_STALL"

PROCESSES = 256
WORD = 8  # bytes
TAKEN, REQUESTS = range(2)  # the header: slots taken, requests of the runner for all stacks
HEADER = 2
PROCESS, THREAD, RUNS, BEAT_AT, WATCHER_RAN_AT, PERIOD, KIND, PYTHON = range(8)  # times in ns
SLOT = 8
SIZE = (HEADER + PROCESSES * SLOT) * WORD
KINDS = ("asyncio", "uvloop", "another event loop")

_MOST_FRAMES = 200
_WORTH_COUNTING = 0.05  # seconds of a limit: to read the counters, a sample waits for the GIL again
_NOTHING = {"ran": 0, "queued": 0, "slices": 0, "cpu": 0}
_SECOND = 10**9


def period(max_stall: float) -> float:
    """Return the seconds from one beat to the next for *max_stall*; the watcher wakes as often."""
    return min(max(max_stall / 4, 0.001), 0.01)


class Watcher:
    """The event loop of this process, and its stalls: the main thread's, if that runs one."""

    def __init__(self, board: str, max_stall: float) -> None:
        with open(board, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._words = memoryview(mmap.mmap(file.fileno(), SIZE)).cast("Q")
            index = self._words[TAKEN]
            if index >= PROCESSES:
                raise OSError("the board is full")
            self._words[TAKEN] = index + 1
            fcntl.flock(file, fcntl.LOCK_UN)  # the map keeps the file open, which keeps the lock
        self._slot = HEADER + index * SLOT
        self._folder = os.path.dirname(board)
        self._process = os.getpid()
        self._ident = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._limit = int(max_stall * _SECOND)
        self._counts = max_stall >= _WORTH_COUNTING
        self._period = period(max_stall)
        self._rest = max(int(self._period * _SECOND), min(self._limit // 2, _SECOND // 10))
        self._answered = self._words[REQUESTS]
        self._beats = self._last = self._sampled = self._half = 0
        self._base: dict[str, int] = {}
        self._ended: list[tuple[int, int]] = []
        self._set(PROCESS, self._process)
        self._set(PERIOD, int(self._period * _SECOND))
        self._set(PYTHON, sys.hexversion)
        threading.Thread(target=self._watch, name="asgi-liveness", daemon=True).start()

    @property
    def here(self) -> bool:
        """Whether this is the process that made the watcher, and not a fork of it."""
        return self._process == os.getpid()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Beat in *loop*, which is about to run; the main thread's loop replaces any other."""
        main = threading.current_thread() is threading.main_thread()
        if self._loop is not None and not main:
            return
        self._loop, self._ident = loop, threading.get_ident()
        module = type(loop).__module__.partition(".")[0]
        self._set(KIND, KINDS.index(module) if module in KINDS else len(KINDS) - 1)
        self._set(THREAD, threading.get_native_id())
        self._last = time.monotonic_ns()
        self._set(BEAT_AT, self._last)
        self._set(RUNS, 1)
        self._handle = loop.call_later(self._period, self._beat, loop)

    def detach(self) -> None:
        """Stop beating: the loop of this thread has stopped, and does not stall."""
        if self._ident == threading.get_ident() and self._handle is not None:
            self._handle.cancel()
            self._loop = self._handle = None
            self._set(RUNS, 0)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is not self._loop:
            return
        now, last = time.monotonic_ns(), self._last
        self._last = now
        self._beats += 1
        self._set(BEAT_AT, now)
        if now - last > self._limit + self._period * _SECOND:
            self._ended.append((last, now))
        self._handle = loop.call_later(self._period, self._beat, loop)

    def _set(self, word: int, value: int) -> None:
        self._words[self._slot + word] = value

    def _watch(self) -> None:
        late = self._limit + int(self._period * _SECOND)
        path = os.path.join(self._folder, f"samples.{self._process}.{self._slot}")
        # Each line is flushed: the runner reads while the loop is blocked.
        with contextlib.suppress(OSError), open(path, "ab") as file:
            while True:
                time.sleep(self._period)
                now = time.monotonic_ns()
                self._set(WATCHER_RAN_AT, now)
                waited = now - self._last if self._words[self._slot + RUNS] else 0
                if self._counts and waited > late // 2 and self._half != self._last:
                    self._half, self._base = self._last, self._counted()
                # The longer a stall, the rarer its samples: some hundreds of them in an hour.
                if waited > late and now - self._sampled >= max(self._rest, waited // 50):
                    self._sampled = now
                    self._sample(file)
                while self._ended:
                    began, ended = self._ended.pop(0)
                    _write(file, began=began, ended=ended)
                if self._answered != self._words[REQUESTS]:
                    self._answered = self._words[REQUESTS]
                    _write(file, request=self._answered, threads=self._threads())

    def _sample(self, file: BinaryIO) -> None:
        """Write the stack of the loop's thread, unless the loop beat while it was read."""
        began, beats, at = self._last, self._beats, time.monotonic_ns()
        frames = _frames(sys._current_frames().get(self._ident))
        if beats != self._beats:
            return
        counted = self._counted() if self._counts else _NOTHING
        if beats != self._beats:
            counted = _NOTHING  # the stall is over, and the counters include the time after it
        if self._half == began and self._base:
            # A line without frames: the counters early in the stall, to compare later ones with.
            _write(file, began=began, frames=[], **self._base)
            self._base = {}
        _write(file, began=began, frames=frames, **{**counted, "at": at})

    def _counted(self) -> dict[str, int]:
        """Return the time that the loop's thread and the whole process have used."""
        ran, queued, slices = spent(self._process, self._words[self._slot + THREAD])
        used = {"ran": ran, "queued": queued, "slices": slices, "cpu": time.process_time_ns()}
        return {"at": time.monotonic_ns(), **used}

    def _threads(self) -> list[dict[str, object]]:
        own = threading.get_ident()
        return [
            {"loop": ident == self._ident, "frames": _frames(frame)}
            for ident, frame in sys._current_frames().items()
            if ident != own
        ]


def begin() -> None:
    """Watch the event loop that comes to run in this process."""
    board = os.environ.get(BOARD_VARIABLE)
    max_stall = os.environ.get(LIMIT_VARIABLE)
    if not board or not max_stall or not os.path.exists(board):
        return
    heartbeat: Watcher | None = None
    watches = True
    # Event loops call it when they begin and stop to run; its documentation is meant for them.
    original = asyncio._set_running_loop

    def set_running_loop(loop: asyncio.AbstractEventLoop | None) -> None:
        nonlocal heartbeat, watches
        original(loop)
        if not watches:
            return
        try:
            if heartbeat is not None and not heartbeat.here:
                heartbeat = None  # a fork leaves its parent's watcher alone
            if loop is not None:
                heartbeat = heartbeat or Watcher(board, float(max_stall))
                heartbeat.attach(loop)
            elif heartbeat is not None:
                heartbeat.detach()
        except (OSError, RuntimeError, ValueError):  # a full board, no board, no thread
            watches = False  # a failure of the watcher must not disturb the app

    asyncio._set_running_loop = asyncio.events._set_running_loop = set_running_loop


def _frames(frame: FrameType | None) -> list[tuple[str, int, str]]:
    """Return file, line and function of *frame* and its callers, the innermost first.

    A function that is just being entered is left out: some Pythons release the GIL there and not
    in the function's lines, so that too many samples would show it.
    """
    while frame is not None and frame.f_back is not None and _is_entered(frame):
        frame = frame.f_back
    found: list[tuple[str, int, str]] = []
    while frame is not None and len(found) < _MOST_FRAMES:
        found.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return found


def _is_entered(frame: FrameType) -> bool:
    first, lines = frame.f_code.co_firstlineno, frame.f_code.co_lines()
    return frame.f_lineno == first and any(line not in (None, first) for _, _, line in lines)


def spent(process: int, thread: int) -> tuple[int, int, int]:
    """Return the ns for which a thread has run and waited for a processor, and how often it ran.

    Zeros where the system does not count.
    """
    try:
        with open(f"/proc/{process}/task/{thread}/schedstat", "rb") as file:
            ran, queued, slices = map(int, file.read().split())
    except (OSError, ValueError):
        return 0, 0, 0
    return ran, queued, slices


def _write(file: BinaryIO, **line: object) -> None:
    file.write(json.dumps(line).encode() + b"\n")
    file.flush()


def _run_the_hidden() -> None:
    """Run the environment's own ``sitecustomize``, which this file hides."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]
    ours = sys.modules.pop(__name__)
    with contextlib.suppress(ModuleNotFoundError):
        importlib.import_module(__name__)
    sys.modules.setdefault(__name__, ours)


if __name__ == "sitecustomize":
    begin()
    _run_the_hidden()
