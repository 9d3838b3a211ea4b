"""A process group and a folder that end with the runner: the keeper, seen from the runner."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from asgi_liveness.errors import LedgerError
from asgi_liveness.serving import keeper

END_LIMIT: Final = 5.0  # seconds from letting go of the keeper to its end


class Group:
    """The group that a keeper leads and the folder that it owns, from now to ``end``.

    Raises ``LedgerError`` where no folder can be made.
    """

    def __init__(self) -> None:
        try:
            parent = tempfile.gettempdir()
        except FileNotFoundError as error:
            raise LedgerError(f"the ledger cannot be written: {error.strerror}") from error
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", keeper.__file__, parent],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
        )
        self.id = self._keeper.pid
        """What ``Popen`` takes as ``process_group``."""
        try:
            self.folder = self._told(parent)
        except BaseException:
            self.end()
            raise

    def _told(self, parent: str) -> Path:
        assert self._keeper.stdout is not None
        told, _, _ = select.select([self._keeper.stdout], [], [], END_LIMIT)
        line = os.fsdecode(os.read(self._keeper.stdout.fileno(), 4096)).strip() if told else ""
        if not line.startswith("/"):
            raise LedgerError(
                f"the ledger cannot be written: no folder can be made in {parent} "
                f"({line[1:] or 'the keeper did not start'}); set TMPDIR to one that can be"
            )
        return Path(line)

    def members(self) -> list[int]:
        """Return the living processes of the group, the keeper left out (on Linux)."""
        return [member for member, _ in keeper.members(self.id)]

    def end(self, member: subprocess.Popen[bytes] | None = None) -> None:
        """Let go of the keeper, which ends everything; reap it and *member*. May be repeated."""
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.stdout.close()
        processes = [process for process in (self._keeper, member) if process]
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_LIMIT)
        if any(process.returncode is None for process in processes):
            # Somebody stopped or killed the keeper: its work is ours.
            os.killpg(self.id, signal.SIGKILL)
            shutil.rmtree(self.folder, ignore_errors=True)
            for process in processes:
                process.wait(END_LIMIT)
