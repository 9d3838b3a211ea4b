"""Counters and stop flags in a mapped file, readable from outside while the app is frozen.

The rule: one writer a word. Each loop body takes a slot of its own, counts in itself and
stores the sum there; readers add up. The runner alone writes the stop generation; a loop
runs until the generation is not the one it was born with, so nothing is ever reset. So it is with
failures.
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
_HEADER: Final = 8  # words
_SLOT: Final = 32  # words: steps, ended, thread, process, 32 bytes of route, 192 bytes of place
_TAKEN, _STOPS, _STARTS, _ANSWERS, _BEATS, _LOOP_THREAD, _FAILURES, _APP = range(8)
_STEPS, _ENDED, _THREAD, _PROCESS = range(4)
_ROUTE: Final = slice(4 * _WORD, 8 * _WORD)
_PLACE: Final = slice(8 * _WORD, 32 * _WORD)
_SIZE: Final = (_HEADER + SLOTS * _SLOT) * _WORD


@dataclass(frozen=True)
class Loop:
    """What the ledger says of one loop body."""

    route: str
    place: str
    """Where the body was made, as ``file:line``."""
    steps: int
    ended: bool
    """It makes no more steps: it saw that it was stopped, nobody holds its body any more, or its
    process is gone."""
    on_event_loop: bool
    """It steps in the thread that runs the event loop."""
    in_app: bool
    """It steps in the process of the app."""


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
                file.write(bytes(_SIZE))  # no hole: a full disk is found out here and now
        except OSError as error:
            raise LedgerError(
                f"the ledger {path} cannot be written ({error.strerror}); "
                f"set TMPDIR to a folder that can be"
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

    # Written by the app: the wrapper's own words.

    def stamp_start(self) -> None:
        """Count one start of the app; several processes may do so."""
        self._add_atomically(_STARTS)

    def stamp_event_loop(self, thread: int) -> None:
        """Note the native id of the thread that runs the event loop, and this process's."""
        self._words[_LOOP_THREAD] = thread
        self._words[_APP] = os.getpid()

    def beat(self) -> None:
        """Count one turn of the heartbeat."""
        self._words[_BEATS] += 1

    def stamp_answer(self) -> None:
        """Count one answer that the app began to send."""
        self._words[_ANSWERS] += 1

    # Written by a loop body: its own slot.

    def take_slot(self, route: str, place: str) -> int:
        """Take the next free slot, alone among all threads and processes; return its first word."""
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
        """Note the native id of the thread in which the loop steps."""
        self._words[slot + _THREAD] = thread

    def store_steps(self, slot: int, steps: int) -> None:
        """Store the sum of steps that the loop has made."""
        self._words[slot + _STEPS] = steps

    def stamp_end(self, slot: int) -> None:
        """Note that the loop makes no more steps."""
        self._words[slot + _ENDED] = 1

    # Written by the runner.

    def stop(self) -> None:
        """Stop every loop born so far; those born later run."""
        self._words[_STOPS] += 1

    def fail(self) -> None:
        """Let every loop born so far raise an exception in its next step."""
        self._words[_FAILURES] += 1

    # Read by anybody.

    @property
    def generation(self) -> int:
        """How many stops there were."""
        return self._words[_STOPS]

    @property
    def failures(self) -> int:
        """How many failures there were."""
        return self._words[_FAILURES]

    @property
    def starts(self) -> int:
        """How often the app was started."""
        return self._words[_STARTS]

    @property
    def answers(self) -> int:
        """How many answers the app began to send."""
        return self._words[_ANSWERS]

    @property
    def beats(self) -> int:
        """How often the heartbeat turned."""
        return self._words[_BEATS]

    @property
    def taken(self) -> int:
        """How many slots are taken."""
        return min(self._words[_TAKEN], SLOTS)

    def loops(self, since: int = 0) -> list[Loop]:
        """Return the loops from slot number *since* on, in order of birth."""
        return [self._loop(_HEADER + index * _SLOT) for index in range(since, self.taken)]

    def _loop(self, first: int) -> Loop:
        slot = self._map[first * _WORD : (first + _SLOT) * _WORD]
        process, app = self._words[first + _PROCESS], self._words[_APP]
        return Loop(
            route=slot[_ROUTE].rstrip(b"\0").decode(),
            place=slot[_PLACE].rstrip(b"\0").decode(errors="replace"),
            steps=self._words[first + _STEPS],
            ended=bool(self._words[first + _ENDED]) or (process != app and not _lives(process)),
            on_event_loop=0 != self._words[first + _THREAD] == self._words[_LOOP_THREAD],
            in_app=process == app,
        )

    def _add_atomically(self, word: int) -> int:
        # A lock per open file description holds between threads as well as between processes.
        with self.path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            before = self._words[word]
            self._words[word] = before + 1
        return before


@functools.cache
def _opened(path: Path) -> Ledger:
    """All bodies of a process share one map: a thousand of them would take as many files."""
    return Ledger(path)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _write_text(target: mmap.mmap, start: int, text: bytes) -> None:
    target[start : start + len(text)] = text
