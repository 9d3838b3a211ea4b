"""A server's processes and folder, which end with the runner: the runner's side of the keeper."""

from __future__ import annotations

import contextlib
import marshal
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from asgi_liveness.errors import LedgerError
from asgi_liveness.serving import ending

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_KEEPER: Final = Path(__file__).with_name("keeper.py")
END_LIMIT: Final = 10.0  # seconds that the keeper may take to start, and to end everything


class Order(NamedTuple):
    """What a keeper starts, and how."""

    command: list[bytes]
    environment: dict[bytes, bytes]
    streams: tuple[int, ...] = ()
    """The descriptors of standard input, output and error; else it has none, but for a log."""
    group: int = 0
    """The process group to join; 0 is the keeper's."""
    goes_on: bool = False
    """Whether it goes on after the end of the runner."""


class Group:
    """A keeper, the folder that it owns, and the server that it starts, from now to ``end``.

    The server gets the *descriptors*, with their numbers. Raises ``LedgerError`` where no folder
    can be made.
    """

    server: int = 0
    """The id of the server's own process, from ``start`` on."""

    def __init__(self, descriptors: Iterable[int] = ()) -> None:
        try:
            parent = tempfile.gettempdir()
        except FileNotFoundError as error:
            raise LedgerError(f"the ledger cannot be written: {error.strerror}") from error
        kept = list(descriptors)
        arguments = [sys.executable, "-I", "-S", str(_KEEPER), parent, *map(str, kept)]
        try:
            self._keeper = subprocess.Popen(
                arguments,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if _is_open(2) else subprocess.DEVNULL,
                pass_fds=kept,
                process_group=0,
            )
        except OSError as error:
            raise LedgerError(
                f"no process can be started ({error.strerror}); check ulimit -n and ulimit -u"
            ) from error
        self.id = self._keeper.pid
        """The id of the process group that the server joins."""
        self.folder = Path()
        self._unread, self._end_of_records, self._is_done = b"", False, False
        self._exit_code: int | None = None
        try:
            self.folder = self._folder(parent)
        except BaseException:
            self.end()
            raise

    def _folder(self, parent: str) -> Path:
        """Return the folder whose path the keeper reports."""
        path = os.fsdecode(self._record(END_LIMIT) or b"")
        if not path.startswith("/"):
            raise LedgerError(
                f"the ledger cannot be written: no folder can be made in {parent} "
                f"({path[1:] or 'the keeper did not start'}); set TMPDIR to a writable folder"
            )
        return Path(path)

    def start(self, command: Sequence[str], environment: Mapping[str, str], **further: Any) -> None:
        """Let the keeper start the server; *further* are fields of its ``Order``.

        Raises ``OSError`` with the reason if the command cannot be started.
        """
        assert self._keeper.stdin is not None
        words = [os.fsencode(word) for word in command]
        variables = {os.fsencode(name): os.fsencode(text) for name, text in environment.items()}
        try:
            unsent = memoryview(marshal.dumps(tuple(Order(words, variables, **further))))
            while unsent:
                unsent = unsent[self._keeper.stdin.write(unsent) :]
            record = self._record(END_LIMIT)
        except BrokenPipeError:
            record = None
        if record is None or not record.isdigit():
            reason = record[1:].decode(errors="replace") if record else "its keeper has ended"
            raise OSError(0, reason)
        self.server = int(record)

    def exit_code(self, limit: float = 0.0) -> int | None:
        """Wait *limit* seconds for the server's own process; return its exit code, or None."""
        if self._exit_code is None and self.server:
            record = self._record(limit)
            if record == ending.DONE:
                self._is_done = True
            elif record is not None:
                self._exit_code = int(record)
            elif self._end_of_records and not _exists(self.server):  # someone killed the keeper
                self._exit_code = -signal.SIGKILL
        return self._exit_code

    def _record(self, limit: float) -> bytes | None:
        """Return the keeper's next record; None if none comes within *limit* seconds, or ever."""
        assert self._keeper.stdout is not None
        if self._keeper.stdout.closed:
            return None
        poll = select.poll()
        poll.register(self._keeper.stdout, select.POLLIN)
        end = time.monotonic() + limit
        while b"\0" not in self._unread:
            if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
                return None
            more = os.read(self._keeper.stdout.fileno(), 4096)
            if not more:
                self._end_of_records = True
                return None
            self._unread += more
        record, _, self._unread = self._unread.partition(b"\0")
        return record

    def signal(self, number: int) -> None:
        """Send a signal to the server's own process, if it is there."""
        if self.server and self.exit_code() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.server, number)

    def members(self) -> list[int]:
        """Return the living processes of the server without the keeper; empty without a /proc."""
        return [member for member, _ in ending.members(*self._roots)]

    @property
    def _roots(self) -> list[int]:
        return [self.id, *([self.server] if self.server else [])]

    def end(self) -> None:
        """Close the keeper's pipe, so that it ends everything, and reap it; raise no error.

        A second call does nothing.
        """
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        if self._keeper.stdout.closed:
            return
        self._keeper.stdin.close()
        while (record := self._record(END_LIMIT)) is not None:
            if record == ending.DONE:
                self._is_done = True
            elif self.server and self._exit_code is None:
                self._exit_code = int(record)
        if not self._is_done:
            self._do_its_work()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._keeper.wait(END_LIMIT)
        self._keeper.stdout.close()
        if self.server and self._exit_code is None:
            self._exit_code = -signal.SIGKILL

    def _do_its_work(self) -> None:
        """End everything in the place of a keeper that someone has stopped or killed."""
        left = ending.end_members(*self._roots)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.id, signal.SIGKILL)
        stays = self.folder != Path() and not ending.remove(os.fsencode(self.folder))
        ending.say_left(left, os.fsencode(self.folder) if stays else b"")


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
