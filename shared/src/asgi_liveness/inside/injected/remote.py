"""Begins to watch a process that runs already, from within: ``sys.remote_exec`` runs it (PEP 768).

The rule: nothing of it disturbs the app. It runs in the main thread, between two instructions of
any code, and so it raises nothing.
"""

from __future__ import annotations

import asyncio
import contextlib

from .board_file import BoardFile
from .hook import Hook
from .watcher import Watcher


def begin(board: str, max_stall: float) -> None:
    """Watch the event loop that this thread runs, and those that any thread begins to run."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        writes = BoardFile(board)  # another user may not
        hook = Hook(lambda: Watcher(writes, max_stall, named=True))
        hook.put_in()
        if (loop := asyncio._get_running_loop()) is not None:
            hook.set_running_loop(loop)
            loop.call_soon_threadsafe(int)  # an idle loop waits, and would not see its first timer
