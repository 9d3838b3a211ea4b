"""Reading of the files that a user or an app names, with errors of one line.

The rule: only regular files up to a size are read. A pipe would be waited for without end, and a
device may never end.
"""

from __future__ import annotations

import json
import os
import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

MOST: Final = 2**26
"""Bytes of the largest file that is read: ten times the largest report of this project."""


def read_bytes(path: Path, most: int = MOST) -> bytes:
    """Return the bytes of *path*. Raises ``UsageError`` unless it is a regular file of *most*."""
    try:
        # Without O_NONBLOCK, the pipe that nobody writes to would block here.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{str(path)!r} cannot be read: it is no name of a file") from error
    with os.fdopen(file, "rb") as opened:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{path} cannot be read: it is {_kind(found)}, name a regular file")
        if found.st_size > most:
            raise UsageError(f"{path} cannot be read: it is larger than {most >> 20} MB")
        try:
            return opened.read(found.st_size)  # a file that grows meanwhile has no end
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def read_toml(path: Path) -> dict[str, Any]:
    """Return the table in *path*. Raises ``UsageError`` if *path* cannot be read or is not TOML."""
    return _read(path, tomllib.loads, "TOML")  # type: ignore[no-any-return]  # TOML is a table


def read_json(path: Path) -> Any:
    """Return the value in *path*. Raises ``UsageError`` if *path* cannot be read or is not JSON."""
    return _read(path, json.loads, "JSON")


def current_folder() -> Path:
    """Return the current folder. Raises ``UsageError`` if it was removed."""
    try:
        return Path.cwd()
    except OSError as error:
        raise UsageError(
            "the current folder cannot be used: it was removed, or it is not yours to read; cd to "
            "another"
        ) from error


def _read(path: Path, parse: Callable[[str], Any], form: str) -> Any:
    try:
        return parse(read_bytes(path).decode())
    except ValueError as error:
        raise UsageError(f"{path} is not {form}: {error}") from error
    except RecursionError as error:
        raise UsageError(f"{path} is not {form} that can be read: it is nested too deep") from error


def _kind(found: os.stat_result) -> str:
    kinds = {stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket"}
    return next((name for test, name in kinds.items() if test(found.st_mode)), "a device")
