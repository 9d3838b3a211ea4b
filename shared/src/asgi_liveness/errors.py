"""The errors of the kit. Each message says what was found, where, and what to do, in one line."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path
from typing import Final

TRACEBACK: Final = "ASGI_LIVENESS_TRACEBACK"
"""The variable that lets the command print the traceback of a bug."""
_KIT: Final = Path(__file__).parent


class LivenessError(Exception):
    """The base of all errors. ``str()`` returns one line for a terminal."""


class UsageError(LivenessError):
    """An option, a file or an environment that the user named and that cannot be used."""


class TargetError(LivenessError):
    """A target that cannot be found, imported or started."""


class RouteMissing(TargetError):
    """A running target without a route of the contract."""

    def __init__(self, target: str, method: str, path: str) -> None:
        super().__init__(
            f"{target}: {method} {path} answered 404, the route is missing; "
            "add it as `asgi-liveness explain routes` says"
        )


class LedgerError(LivenessError):
    """A ledger that cannot be created, opened or written."""


def one_line(error: BaseException) -> str:
    """Return any error as one line for a terminal.

    The text of an unknown error is left out: it may have anything in it, a secret too.
    """
    if isinstance(error, LivenessError):
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full; free some space and run again"
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return "there are too many open files; raise the limit (ulimit -n) and run again"
    if isinstance(error, MemoryError):
        return "there is not enough memory; free some and run again"
    frames = [row for row in traceback.extract_tb(error.__traceback__) if _KIT.name in row.filename]
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return (
        f"a bug of asgi-liveness: {type(error).__name__}{where}; set {TRACEBACK}=1, run again, and "
        f"report what it prints"
    )
