"""Counters and stop flags in a mapped file, readable from outside while the app is frozen.

The rule: one writer for each word. Each loop body takes a slot of its own, counts its steps and
stores the sum there; readers add the sums. Only the runner writes the stop generation. A loop runs
while the generation is the one at its birth, so nothing is ever reset. Failures work the same way.
"""

from __future__ import annotations

import fcntl
import functools
import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from asgi_liveness.errors import LedgerError

PATH_VARIABLE: Final = "ASGI_LIVENESS_LEDGER"

SLOTS: Final = 16384
_WORD: Final = 8
_HEADER: Final = 9  # words
_SLOT: Final = 32  # words: steps, ended, thread, process, 32 bytes of route, 192 bytes of place
_TAKEN, _STOPS, _STARTS, _ANSWERS, _BEATS, _LOOP_THREAD, _FAILURES, _APP, _GENTLE = range(9)
_STEPS, _ENDED, _THREAD, _PROCESS = range(4)
_ROUTE: Final = slice(4 * _WORD, 8 * _WORD)
_PLACE: Final = slice(8 * _WORD, 32 * _WORD)
_SIZE: Final = (_HEADER + SLOTS * _SLOT) * _WORD


@dataclass(frozen=True)
class Loop:
    """The record of one loop body in the ledger."""

    route: str
    place: str
    """The line that made the body, as ``file:line``."""
    steps: int
    ended: bool
    """The loop makes no more steps: it noticed a stop, its body was freed, or its process ended."""
    on_event_loop: bool
    """The loop steps in the thread that runs the event loop."""
    in_app: bool
    """The loop steps in the process of the app."""


class Ledger:
    """The mapped file. The runner creates it, the app opens it; ``with`` closes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("r+b") as file:
                self._map = mmap.mmap(file.fileno(), _SIZE)
        except (OSError, ValueError) as error:
            raise LedgerError(
                f"the ledger {path} cannot be opened ({error}); "
                f"unset {PATH_VARIABLE} to run the loops without one"
            ) from error
        self._words = memoryview(self._map).cast("Q")

    @classmethod
    def create(cls, path: Path) -> Ledger:
        """Make an empty ledger at *path*, which must not exist."""
        try:
            with path.open("xb") as file:
                file.write(bytes(_SIZE))  # no sparse file: a full disk fails here and not later
        except OSError as error:
            raise LedgerError(
                f"the ledger {path} cannot be written ({error.strerror}); "
                f"set TMPDIR to a writable folder"
            ) from error
        return cls(path)

    @classmethod
    def from_environment(cls) -> Ledger | None:
        """Return the ledger that the environment names, or None where it names none."""
        path = os.environ.get(PATH_VARIABLE)
        return _opened(Path(path)) if path else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._words.release()
        self._map.close()

    # The wrapper writes these words.

    def stamp_start(self) -> None:
        """Count one start of the app; several processes may call this at once."""
        self._add_atomically(_STARTS)

    def stamp_event_loop(self, thread: int) -> None:
        """Store the ids of the event loop's thread (native) and of this process."""
        self._words[_LOOP_THREAD] = thread
        self._words[_APP] = os.getpid()

    def beat(self) -> None:
        """Count one beat of the event loop."""
        self._words[_BEATS] += 1

    def stamp_answer(self) -> None:
        """Count one response that the app began to send."""
        self._words[_ANSWERS] += 1

    # A loop body writes its own slot.

    def take_slot(self, route: str, place: str) -> int:
        """Take the next free slot and return its first word; no other thread or process gets it."""
        name, most = route.encode(), _ROUTE.stop - _ROUTE.start
        if len(name) > most:
            raise LedgerError(f"the route {route!r} is longer than {most} bytes")
        index = self._add_atomically(_TAKEN)
        if index >= SLOTS:
            raise LedgerError(f"the ledger is full: {SLOTS} loops were started on one server")
        first = _HEADER + index * _SLOT
        start = first * _WORD
        self._words[first + _PROCESS] = os.getpid()
        _write_text(self._map, start + _ROUTE.start, name)
        _write_text(self._map, start + _PLACE.start, place.encode()[_PLACE.start - _PLACE.stop :])
        return first

    def stamp_thread(self, slot: int, thread: int) -> None:
        """Store the native id of the thread in which the loop steps."""
        self._words[slot + _THREAD] = thread

    def store_steps(self, slot: int, steps: int) -> None:
        """Store the number of steps that the loop has made."""
        self._words[slot + _STEPS] = steps

    def stamp_end(self, slot: int) -> None:
        """Mark the loop as ended: it makes no more steps."""
        self._words[slot + _ENDED] = 1

    # The runner writes these words.

    def stop(self) -> None:
        """Stop every loop born so far; loops born later run."""
        self._words[_STOPS] += 1

    def fail(self) -> None:
        """Make every loop born so far raise an exception in its next step."""
        self._words[_FAILURES] += 1

    def be_gentle(self) -> None:
        """Let every loop that is born from now on sleep a little in each step.

        Dozens of servers can then run, and end, at the same time.
        """
        self._words[_GENTLE] = 1

    # All processes read these.

    @property
    def generation(self) -> int:
        """The number of stops so far."""
        return self._words[_STOPS]

    @property
    def failures(self) -> int:
        """The number of calls of ``fail`` so far."""
        return self._words[_FAILURES]

    @property
    def is_gentle(self) -> bool:
        """Whether loops that are born now sleep a little in each step."""
        return bool(self._words[_GENTLE])

    @property
    def starts(self) -> int:
        """The number of starts of the app so far."""
        return self._words[_STARTS]

    @property
    def answers(self) -> int:
        """The number of responses that the app began to send."""
        return self._words[_ANSWERS]

    @property
    def beats(self) -> int:
        """The number of beats of the event loop so far."""
        return self._words[_BEATS]

    @property
    def taken(self) -> int:
        """The number of slots that loop bodies have taken."""
        return min(self._words[_TAKEN], SLOTS)

    def loops(self, since: int = 0) -> list[Loop]:
        """Return the loops from slot number *since* on, in order of birth."""
        return [self._loop(_HEADER + index * _SLOT) for index in range(since, self.taken)]

    def _loop(self, first: int) -> Loop:
        slot = self._map[first * _WORD : (first + _SLOT) * _WORD]
        process, app = self._words[first + _PROCESS], self._words[_APP]
        return Loop(
            route=slot[_ROUTE].rstrip(b"\0").decode(errors="replace"),
            place=slot[_PLACE].rstrip(b"\0").decode(errors="replace"),
            steps=self._words[first + _STEPS],
            ended=bool(self._words[first + _ENDED]) or (process != app and not _lives(process)),
            on_event_loop=0 != self._words[first + _THREAD] == self._words[_LOOP_THREAD],
            in_app=process == app,
        )

    def _add_atomically(self, word: int) -> int:
        # A lock of an open file description excludes other threads as well as other processes.
        with self.path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            before = self._words[word]
            self._words[word] = before + 1
        return before


@functools.cache
def _opened(path: Path) -> Ledger:
    """Open the ledger once in a process: a thousand bodies would need as many open files."""
    return Ledger(path)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _write_text(target: mmap.mmap, start: int, text: bytes) -> None:
    target[start : start + len(text)] = text
