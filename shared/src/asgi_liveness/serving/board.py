"""The board that watched processes write on, read from outside; see ``inside.injected``.

Each event loop has a slot with the words of its heartbeat, and a file of lines, its samples. The
rule: all of it is data from outside. What has another form is left out.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from asgi_liveness.errors import LedgerError
from asgi_liveness.inside import injected
from asgi_liveness.inside.injected import layout as inside
from asgi_liveness.serving import records
from asgi_liveness.serving.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from asgi_liveness.serving.records import (
        Collection,
        Heartbeat,
        Sample,
        StallEnd,
        TaskStack,
        ThreadStack,
    )

T = TypeVar("T")


class Board:
    """The file of words, and the files of samples next to it, in *folder*. ``close`` it."""

    def __init__(self, folder: Path, max_stall: float) -> None:
        self.path, self.max_stall = folder / "board", max_stall
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            written = 0
            # A disk that is nearly full takes a part of it, which is no error.
            while written < inside.SIZE:
                written += os.pwrite(self._file, bytes(inside.SIZE - written), written)
        except OSError as error:
            raise LedgerError(
                f"{self.path} cannot be written ({error.strerror}); set TMPDIR to a writable folder"
            ) from error
        self._requests = 0
        self._is_closed = False
        self._lines = Lines(folder)
        self._over: dict[int, int] = {}

    def close(self) -> None:
        """Close the file of words; the file stays, and the keeper removes it.

        A second call does nothing.
        """
        if not self._is_closed:
            self._is_closed = True
            os.close(self._file)

    def watched(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return *environment* with the variables that make a Python process write here."""
        ours = str(Path(injected.__file__).parent)
        theirs = environment.get("PYTHONPATH")
        return {
            **environment,
            "PYTHONPATH": os.pathsep.join([ours, theirs]) if theirs else ours,
            inside.BOARD_VARIABLE: str(self.path),
            inside.LIMIT_VARIABLE: str(self.max_stall),
        }

    def heartbeats(self) -> list[Heartbeat]:
        """Return the heartbeat of each event loop that ever ran in a watched process.

        Those of processes that ``forget`` was told of are left out.
        """
        # Read and not mapped: a process that truncates a mapped file would kill its readers.
        content = os.pread(self._file, inside.SIZE, 0).ljust(inside.SIZE, b"\0")
        words = memoryview(content).cast("Q")
        firsts = range(inside.HEADER, len(words), inside.SLOT)[: words[inside.TAKEN]]
        return [
            records.heartbeat(at, words[at : at + inside.SLOT])
            for at in firsts
            if words[at + inside.BEAT_AT] != self._over.get(at)
        ]

    def forget(self, before: float, over: Iterable[Heartbeat]) -> None:
        """Forget what was written before a moment, and the loops of processes that have ended.

        It removes their files, and shortens others. Who watches for weeks calls it every second.
        """
        over = list(over)
        # Another loop that gets such a slot has another beat.
        self._over |= {each.slot: round(each.beat_at * records.SECOND) for each in over}
        self._lines.forget(int(before * records.SECOND), {each.process for each in over})

    def lines_read(self) -> int:
        """Return how many lines were ever read, with those that are new; each tells of a stall."""
        return self._lines.read()

    def samples(self) -> list[Sample]:
        """Return the samples that the processes themselves took of their stalls so far."""
        return list(self._parsed("at", records.sample))

    def ends(self) -> list[StallEnd]:
        """Return the ends of the stalls that are over."""
        return list(self._parsed("ended", _ended))

    def collections(self) -> list[Collection]:
        """Return the passes of the garbage collector that took long."""
        return list(self._parsed("collected", lambda pid, _, line: records.collection(pid, line)))

    def request_threads(self) -> int:
        """Request the stacks of all threads and of all tasks; return the request's number."""
        self._requests += 1
        number = self._requests.to_bytes(inside.WORD, "little")
        os.pwrite(self._file, number, inside.REQUESTS * inside.WORD)
        return self._requests

    def threads(self, number: int) -> list[ThreadStack]:
        """Return the stacks that processes have written so far for the request *number*."""
        return [thread for listed in self._answers(number, records.threads) for thread in listed]

    def tasks(self, number: int) -> list[TaskStack]:
        """Return the stacks of tasks, likewise."""
        return [task for listed in self._answers(number, records.tasks) for task in listed]

    def _answers(self, number: int, parse: Callable[[int, dict[str, Any]], T]) -> Iterator[T]:
        return self._parsed(
            "request",
            lambda pid, _, line: parse(pid, line) if line["request"] == number else None,
        )

    def _parsed(
        self, key: str, parse: Callable[[int, int, dict[str, Any]], T | None]
    ) -> Iterator[T]:
        """Yield what *parse* makes of the lines that have the *key*."""
        for process, slot, line in self._lines.all():
            if key in line:
                with contextlib.suppress(LookupError, TypeError, ValueError):
                    if (found := parse(process, slot, line)) is not None:
                        yield found


def _ended(process: int, slot: int, line: dict[str, Any]) -> StallEnd | None:
    """Return the end of a stall; None for that of a pass of the garbage collector."""
    return records.end(process, slot, line) if "began" in line else None
