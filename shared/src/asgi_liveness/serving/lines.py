"""The files of lines that watched processes write: samples, ends of stalls, stacks of threads.

The rule: a process appends to its files, and opens them each time. So a reader may rename a file,
read the rest of it a while later, and remove it; no line is lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

_MOST: Final = 2**26
"""Bytes to read of one file. Five minutes of stalls write less than a tenth of it."""
_LONG: Final = 2**20
"""Bytes of a file that has been read, from which on another takes its place."""
_KIND: Final = "samples"
"""How the name of a file begins; its process and its slot follow."""
_TIMES: Final = ("at", "ended")
"""The keys of a line that say when it was written; a line without them is an answer."""


@dataclass
class _File:
    """A file, as far as it has been read."""

    path: Path
    process: int
    slot: int
    offset: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)
    retired: Path | None = None
    """The file whose place this one has taken, from ``retired_from`` on not yet read."""
    retired_from: int = 0

    def read(self) -> int:
        """Read the lines that are new, and return how many there are."""
        content, _, _ = _rest(self.path, self.offset).rpartition(b"\n")
        self.offset += len(content) + bool(content)
        return self._add(content)

    def retire(self) -> None:
        """Let the process begin another file, if this one is long."""
        self._remove_retired()
        if self.offset < _LONG:
            return
        retired = self.path.with_name(f"retired.{self.process}.{self.slot}")
        with contextlib.suppress(OSError):
            self.path.rename(retired)
            self.retired, self.retired_from, self.offset = retired, self.offset, 0

    def remove(self) -> None:
        """Remove the file; its process has ended."""
        self._remove_retired()
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _remove_retired(self) -> None:
        if self.retired is not None:
            self._add(_rest(self.retired, self.retired_from))
            with contextlib.suppress(OSError):
                self.retired.unlink()
            self.retired = None

    def _add(self, content: bytes) -> int:
        before = len(self.lines)
        for text in content.splitlines():
            with contextlib.suppress(ValueError, RecursionError):
                if isinstance(line := json.loads(text), dict):
                    self.lines.append(line)
        return len(self.lines) - before


class Lines:
    """The files in *folder*, and what was read of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[Path, _File] = {}
        self._ever = 0

    def read(self) -> int:
        """Read what is new; return how many lines were ever read."""
        with os.scandir(self._folder) as entries:
            for entry in entries:
                kind, _, rest = entry.name.partition(".")
                process, _, slot = rest.partition(".")
                path = self._folder / entry.name
                if kind == _KIND and process.isdecimal() and slot.isdecimal():
                    self._files.setdefault(path, _File(path, int(process), int(slot)))
        for file in self._files.values():
            self._ever += file.read()
        return self._ever

    def all(self) -> list[tuple[int, int, dict[str, Any]]]:
        """Return process, slot and content of all lines that are not forgotten."""
        self.read()
        files = [file for _, file in sorted(self._files.items())]
        return [(file.process, file.slot, line) for file in files for line in file.lines]

    def forget(self, before: int, gone: set[int]) -> None:
        """Forget the lines from *before* a moment, in ns, and the files of processes in *gone*."""
        self.read()
        for path, file in list(self._files.items()):
            if file.process in gone:
                file.remove()
                del self._files[path]
                continue
            file.retire()
            # Of the answers, the last one stays.
            answers = [line for line in file.lines if "request" in line and "at" not in line]
            recent = [line for line in file.lines if _time(line) >= before]
            file.lines = [*recent, *answers[-1:]]


def _time(line: dict[str, Any]) -> int:
    """Return when a line was written, in ns; 0 for an answer, which says nothing of it."""
    found = [line[key] for key in _TIMES if isinstance(line.get(key), int)]
    return max(found, default=0)


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
