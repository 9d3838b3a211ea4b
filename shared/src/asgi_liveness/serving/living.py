"""Whether a process lives."""

from __future__ import annotations

import contextlib

import psutil


def lives(process: int) -> bool:
    """Whether *process* runs; a zombie does not."""
    with contextlib.suppress(psutil.Error):
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    return False
