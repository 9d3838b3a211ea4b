"""Whether a process lives, and what is to be done about one that does not."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Container


def lives(process: int) -> bool:
    """Whether *process* runs; a zombie does not."""
    with contextlib.suppress(psutil.Error):
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    return False


def threads_of(process: int) -> int:
    """Return how many threads a process has; 0 if it has ended."""
    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(process).num_threads())
    return 0


def reap_orphans(own: Container[int]) -> None:
    """Take the exit codes of ended orphans that have become ours, as those of process 1 do.

    Any other process does nothing. The children in *own* are left alone.
    """
    if os.getpid() != 1:
        return
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error, ChildProcessError):
            if child.pid not in own and child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)
