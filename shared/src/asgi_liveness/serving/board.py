"""The board that watched processes write on, read from outside; see ``inside.injected``.

Each event loop has a slot with the words of its heartbeat, and a file of samples. The rule: all of
it is data from outside. What has another form is left out.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from asgi_liveness.errors import LedgerError
from asgi_liveness.inside import injected
from asgi_liveness.inside.injected import layout as inside
from asgi_liveness.serving import records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from asgi_liveness.serving.records import (
        Collection,
        Heartbeat,
        Sample,
        StallEnd,
        TaskStack,
        ThreadStack,
    )

T = TypeVar("T")

_MOST: Final = 2**26
"""Bytes to read of one file of samples. Five minutes of stalls write less than a tenth of it."""


class Board:
    """The file of words, and the files of samples next to it, in *folder*. ``close`` it."""

    def __init__(self, folder: Path, max_stall: float) -> None:
        self.path, self.max_stall = folder / "board", max_stall
        try:
            self.path.write_bytes(bytes(inside.SIZE))
            self._file = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise LedgerError(
                f"{self.path} cannot be written ({error.strerror}); set TMPDIR to a writable folder"
            ) from error
        self._requests = 0
        self._read: dict[Path, list[tuple[int, int, dict[str, Any]]]] = {}
        self._offsets: dict[Path, int] = {}

    def close(self) -> None:
        """Close the file of words; the file stays, and the keeper removes it."""
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
        """Return the heartbeat of each event loop that ever ran in a watched process."""
        # Read and not mapped: a process that truncates a mapped file would kill its readers.
        content = os.pread(self._file, inside.SIZE, 0).ljust(inside.SIZE, b"\0")
        words = memoryview(content).cast("Q")
        firsts = range(inside.HEADER, len(words), inside.SLOT)[: words[inside.TAKEN]]
        return [records.heartbeat(at, words[at : at + inside.SLOT]) for at in firsts]

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
        for process, slot, line in self._lines():
            if key in line:
                with contextlib.suppress(LookupError, TypeError, ValueError):
                    if (found := parse(process, slot, line)) is not None:
                        yield found

    def _lines(self) -> list[tuple[int, int, dict[str, Any]]]:
        """Return process, slot and content of all lines; of each file the new ones are read."""
        for path in sorted(self.path.parent.glob("samples.*.*")):
            _, process, slot = path.name.split(".", 2)
            if not (process.isdecimal() and slot.isdecimal()):
                continue
            read, offset = self._read.setdefault(path, []), self._offsets.get(path, 0)
            content, _, _ = _rest(path, offset).rpartition(b"\n")
            self._offsets[path] = offset + len(content) + bool(content)
            for text in content.splitlines():
                with contextlib.suppress(ValueError, RecursionError):
                    if isinstance(line := json.loads(text), dict):
                        read.append((int(process), int(slot), line))
        return [line for path in sorted(self._read) for line in self._read[path]]


def _rest(path: Path, offset: int) -> bytes:
    """Return a regular file from *offset* on; nothing of any other file."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        is_file = stat.S_ISREG(os.fstat(file).st_mode)
        return os.pread(file, max(_MOST - offset, 0), offset) if is_file else b""
    finally:
        os.close(file)


def _ended(process: int, slot: int, line: dict[str, Any]) -> StallEnd | None:
    """Return the end of a stall; None for that of a pass of the garbage collector."""
    return records.end(process, slot, line) if "began" in line else None
