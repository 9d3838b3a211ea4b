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


def read_bytes(path: Path, most: int = MOST, name: str = "") -> bytes:
    """Return the bytes of *path*, a regular file of at most *most* bytes; else ``UsageError``.

    The error calls the file *name*, where its path may be a secret.
    """
    name = name or str(path)
    try:
        # Without O_NONBLOCK, a pipe that nobody writes to would block here.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                kind = _kind(found.st_mode)
                raise UsageError(f"{name} cannot be read: it is {kind}; name a regular file")
            if found.st_size > most:
                raise UsageError(f"{name} cannot be read: it is larger than {most >> 20} MB")
            with os.fdopen(file, "rb", closefd=False) as opened:
                return opened.read(found.st_size)  # and no more of a file that grows
        finally:
            os.close(file)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{name!r} cannot be read: it is no name of a file") from error


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


def _kind(mode: int) -> str:
    """Return what a file is that is no regular one."""
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")
