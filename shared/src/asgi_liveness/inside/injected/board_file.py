"""The board as a watched process writes it: a mapped file of words, and files of lines."""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import sys
from typing import Any

from . import layout

_MOST = 2**26
"""Bytes of one file of lines. Who reads them removes them in time; nothing is written beyond it."""


class BoardFile:
    """The board at *path*."""

    def __init__(self, path: str) -> None:
        self._path, self._folder = path, os.path.dirname(path)
        self._process = os.getpid()
        with open(path, "r+b") as file:
            # The map has a descriptor of its own where Python cannot do without it. An app that
            # closes all descriptors closes that one too, and the map lives on.
            options: dict[str, Any] = {"trackfd": False} if sys.version_info >= (3, 13) else {}
            self.words = memoryview(mmap.mmap(file.fileno(), layout.SIZE, **options)).cast("Q")

    def take(self) -> int:
        """Return the first word of a slot that is free from now on. Raises ``OSError``."""
        with open(self._path, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # closing the file releases it
            index = self.words[layout.TAKEN]
            if index < layout.LOOPS:
                self.words[layout.TAKEN] = index + 1
                return layout.HEADER + index * layout.SLOT
            slot = self._left()
            for word in range(slot, slot + layout.SLOT):
                self.words[word] = 0
            self.words[slot + layout.PROCESS] = self._process
            return slot

    def _left(self) -> int:
        """Return the slot of a process that has ended."""
        for slot in range(layout.HEADER, len(self.words), layout.SLOT):
            try:
                os.kill(self.words[slot + layout.PROCESS], 0)
            except ProcessLookupError:
                return slot
            except PermissionError:
                continue
        raise OSError("the board is full")

    def is_there(self) -> bool:
        """Whether anybody reads the board: who made it removes it at the end."""
        return os.path.exists(self._path)

    def write(self, slot: int, **line: object) -> None:
        """Append a line. The file is opened each time: an app may close what it did not open."""
        path = os.path.join(self._folder, f"samples.{self._process}.{slot}")
        with open(path, "ab", buffering=0, opener=_private) as file:
            if file.tell() < _MOST:
                file.write(json.dumps(line).encode() + b"\n")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
