"""Where a process begins to watch its event loops: as each of them begins to run."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

from . import layout
from .board_file import BoardFile
from .watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable


def begin() -> None:
    """Watch the event loops that come to run in this process, if the environment names a board."""
    board = os.environ.get(layout.BOARD_VARIABLE)
    max_stall = os.environ.get(layout.LIMIT_VARIABLE)
    if board and max_stall:
        named = bool(os.environ.get(layout.NAMES_VARIABLE))
        Hook(lambda: Watcher(BoardFile(board), float(max_stall), named=named)).put_in()


class Hook:
    """``_set_running_loop``, which event loops call when they begin and stop to run.

    Its documentation is meant for them. *watch* makes the watcher of a process, once.
    """

    def __init__(self, watch: Callable[[], Watcher]) -> None:
        self._original, self._watch = asyncio._set_running_loop, watch
        self._process = os.getpid()
        self._watcher: Watcher | None = None
        self._watches = True
        self._lock = threading.Lock()

    def put_in(self) -> None:
        """Watch the event loops that come to run from now on."""
        asyncio._set_running_loop = asyncio.events._set_running_loop = self.set_running_loop

    def take_out(self) -> None:
        """Watch no event loop from now on."""
        asyncio._set_running_loop = asyncio.events._set_running_loop = self._original
        self._watches = False
        if self._watcher is not None:
            self._watcher.end()

    def set_running_loop(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Do what event loops expect, and watch the loop."""
        self._original(loop)
        self.follow(loop)

    def follow(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Watch the loop that this thread begins to run; None where it stops."""
        if not self._watches:
            return
        if self._process != os.getpid():
            self._forget()
        try:
            with self._lock:
                if loop is not None:
                    self._watcher = self._watcher or self._watch()
                    if not self._watcher.is_over:
                        self._watcher.attach(loop)
                elif self._watcher is not None:
                    self._watcher.detach()
        except (OSError, RuntimeError, ValueError):  # a full board, no board, no thread
            self._watches = False  # a failure of the watcher must not disturb the app

    def _forget(self) -> None:
        """Leave the parent's watcher alone, in a fork."""
        self._watcher, self._lock = None, threading.Lock()
        self._process = os.getpid()
