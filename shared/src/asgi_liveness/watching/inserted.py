"""A process that runs already, with the heartbeat put into it (PEP 768, Python 3.14 and later).

The rule: the process is not ours. It gets a heartbeat and a thread, which end when their board is
gone; nothing else of it changes, and no end of ours ends it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from asgi_liveness.errors import TargetError, UsageError
from asgi_liveness.inside import injected
from asgi_liveness.serving.board import Board
from asgi_liveness.serving.group import Group
from asgi_liveness.serving.living import lives

if TYPE_CHECKING:
    from collections.abc import Callable

_BEGIN_LIMIT: Final = 3.0
"""Seconds that the first beat may take. The process runs the script as soon as its main thread runs
code of Python again."""
_POLL: Final = 0.02  # seconds
_SCRIPT: Final = """\
import importlib.util, sys
spec = importlib.util.spec_from_file_location(
    "_watcher_of_event_loops", {start!r}, submodule_search_locations=[{folder!r}]
)
sys.modules[spec.name] = package = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
importlib.import_module(f"{{spec.name}}.remote").begin({board!r}, {max_stall!r})
"""


class Inserted:
    """The watch of a process from now to ``end``, or in a ``with`` block.

    *max_stall* is in seconds. Raises ``UsageError`` on a Python that cannot do it, and
    ``TargetError`` where the process does not begin to beat.
    """

    def __init__(self, process: int, max_stall: float) -> None:
        execute = remote_exec()
        self.process, self._is_over = process, False
        self._group = Group()
        try:
            self.board = Board(self._group.folder, max_stall)
            folder = Path(injected.__file__).parent
            values = {"start": str(folder / "__init__.py"), "folder": str(folder)}
            script = self._group.folder / "begin.py"
            script.write_text(
                _SCRIPT.format(**values, board=str(self.board.path), max_stall=max_stall)
            )
            _run(execute, process, script)
            self._wait()
        except BaseException:
            self._group.end()
            raise

    def _wait(self) -> None:
        until = time.monotonic() + _BEGIN_LIMIT
        while not self.board.heartbeats():
            if time.monotonic() > until:
                raise TargetError(
                    f"process {self.process} did not begin to beat within {_BEGIN_LIMIT:g} s: its "
                    f"main thread is in C code, waits for a request, or runs no event loop; send "
                    f"it a request, or leave --inject out to see where it is"
                )
            time.sleep(_POLL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def exit_code(self) -> int | None:
        """0 once the watch is over or the process has ended, else None."""
        return 0 if self._is_over or not lives(self.process) else None

    @property
    def own(self) -> set[int]:
        """Our own child processes."""
        return {self._group.id}

    def others(self) -> list[int]:
        """Return none: no process is ours to end."""
        return []

    def signal(self, _: int) -> None:
        """Leave the process alone."""

    def interrupted(self) -> None:
        """End the watch: nobody waits for the process."""
        self._is_over = True

    def end(self) -> None:
        """Remove the board, at which the process ends its heartbeat."""
        self._group.end()
        self.board.close()


def remote_exec() -> Callable[[int, str], Any]:
    """Return ``sys.remote_exec``. Raises ``UsageError`` where this Python has none."""
    execute: Callable[[int, str], Any] | None = getattr(sys, "remote_exec", None)
    if execute is None:
        raise UsageError(
            "--inject needs Python 3.14 or later, here and in the process, and this is Python "
            f"{sys.version_info.major}.{sys.version_info.minor}; leave it out, or start the server "
            f"with asgi-liveness watch -- COMMAND"
        )
    return execute


def _run(execute: Callable[[int, str], Any], process: int, script: Path) -> None:
    try:
        execute(process, str(script))
    except (OSError, RuntimeError, ValueError) as error:
        raise TargetError(
            f"process {process} takes no code ({error}); it needs the same Python version as this "
            f"one, and the right to trace it"
        ) from error
