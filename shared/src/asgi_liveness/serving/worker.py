"""The command that runs a server's queued jobs: a second process, in a group of its own."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from typing import TYPE_CHECKING, Final

from asgi_liveness.errors import UsageError
from asgi_liveness.serving.launched import Launched

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VARIABLE: Final = "ASGI_LIVENESS_QUEUE"
"""The variable by which ``asgi_liveness.queued`` finds its queue, in a server and in a worker."""


def queue_in(folder: Path) -> str:
    """Return the address of a queue in *folder*."""
    return f"sqlite:///{folder / 'queued.sqlite'}"


def worker_command(text: str) -> tuple[str, ...]:
    """Return the words of a worker's command; ``python`` is the interpreter that runs this.

    Raises ``UsageError`` if there are none, or if a quote is not closed.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--worker {text!r} is no command: {error}") from error
    if not words:
        raise UsageError("--worker is empty; write --worker 'python -m asgi_liveness.queued'")
    program, *others = words
    return (sys.executable if program in ("python", "python3") else program, *others)


class Worker(Launched):
    """A worker from ``start`` to ``end``, or in a ``with`` block; ``start`` does not wait."""

    def __init__(self, command: tuple[str, ...], environment: Mapping[str, str]) -> None:
        super().__init__(command)
        self._given = environment

    def _environment(self) -> dict[str, str]:
        return {**self._given}

    def kill(self) -> None:
        """End all its processes by SIGKILL, without a chance to put a job back."""
        for member in self.group.members():
            os.kill(member, signal.SIGKILL)
