"""A process group and a folder that end with the runner: the runner's side of the keeper."""

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

END_LIMIT: Final = 5.0  # seconds that the keeper may take to start, and to end everything


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
        """The group's id, for ``process_group`` of ``Popen``."""
        try:
            self.folder = self._folder(parent)
        except BaseException:
            self.end()
            raise

    def _folder(self, parent: str) -> Path:
        """Return the folder whose path the keeper prints."""
        assert self._keeper.stdout is not None
        ready, _, _ = select.select([self._keeper.stdout], [], [], END_LIMIT)
        line = os.fsdecode(os.read(self._keeper.stdout.fileno(), 4096)).strip() if ready else ""
        if not line.startswith("/"):
            raise LedgerError(
                f"the ledger cannot be written: no folder can be made in {parent} "
                f"({line[1:] or 'the keeper did not start'}); set TMPDIR to a writable folder"
            )
        return Path(line)

    def members(self) -> list[int]:
        """Return the living processes of the group without the keeper; empty without a /proc."""
        return [member for member, _ in keeper.members(self.id)]

    def end(self, member: subprocess.Popen[bytes] | None = None) -> None:
        """Close the keeper's pipe, so that it ends everything; reap it and *member*.

        A second call does nothing.
        """
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.stdout.close()
        processes = [process for process in (self._keeper, member) if process]
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_LIMIT)
        if any(process.returncode is None for process in processes):
            # Someone stopped or killed the keeper: the runner does its work.
            os.killpg(self.id, signal.SIGKILL)
            shutil.rmtree(self.folder, ignore_errors=True)
            for process in processes:
                process.wait(END_LIMIT)
