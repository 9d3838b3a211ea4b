"""One server of any kind, which starts as the child of a keeper and always ends.

The rule: every server is a child of a keeper (see ``keeper``) and ends with it.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import stat
from typing import Final, Self

from asgi_liveness.errors import TargetError
from asgi_liveness.serving.board import Board
from asgi_liveness.serving.group import Group

_TROUBLE: Final = re.compile(
    r"error|exception|critical|fatal|killed|died|signal|sigkill|abort|timeout|out of memory",
    re.IGNORECASE,
)
_TAIL: Final = 1 << 16  # bytes of the log in which the last line is looked for
_WORDS: Final = 1000
"""Characters of a log line that a message quotes. Every message is cut earlier, once secrets are
taken out: so none is cut in two here and shown in part."""
POLITE_LIMIT: Final = 1.0  # seconds that a server may take to end after SIGTERM


class Launched:
    """A server from ``start`` to ``end``, or in a ``with`` block; ``start`` does not wait.

    *port* 0 takes a free port. In *command*, ``{fd}`` becomes the number of a listening socket,
    so that no other process can take the port; a command without ``{fd}`` has ``{port}``.
    With *max_stall*, the server's Python processes write stalls longer than that many seconds on
    ``board``.
    """

    board: Board | None = None

    def __init__(
        self, command: tuple[str, ...], port: int = 0, *, max_stall: float | None = None
    ) -> None:
        self.command, self.port = command, port
        self._max_stall = max_stall
        self._group: Group | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> None:
        """Start the server in a group of its own.

        Raises ``LedgerError`` if no file can be made, ``TargetError`` if the port is taken or the
        command cannot be started.
        """
        with _listen(self.port) as listener:
            self.port = listener.getsockname()[1]
            descriptors = [listener.fileno()]
            if not any("{fd}" in part for part in self.command):
                listener.close()
                descriptors = []
            self._group = Group(descriptors)
        try:
            self._launch(*descriptors)
        except BaseException:
            self.end()
            raise

    def _environment(self) -> dict[str, str]:
        """Return the runner's environment; with *max_stall*, the variables that watch the app."""
        environment = {**os.environ}
        if self._max_stall is None:
            return environment
        self.board = Board(self.group.folder, self._max_stall)
        return self.board.watched(environment)

    def _launch(self, descriptor: int = -1) -> None:
        command = [
            part.replace("{fd}", str(descriptor)).replace("{port}", str(self.port))
            for part in self.command
        ]
        try:
            self.group.start(command, self._environment())
        except OSError as error:
            raise TargetError(
                f"{command[0]} cannot be started ({error.strerror}); install it in this "
                f"environment, or name it by its path"
            ) from error

    @property
    def url(self) -> str:
        """The address that the server listens on."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def group(self) -> Group:
        """The group of all processes and files of the server, from ``start`` on."""
        assert self._group is not None
        return self._group

    @property
    def pid(self) -> int:
        """The id of the server's own process, which its users would signal."""
        assert self.group.server
        return self.group.server

    @property
    def exit_code(self) -> int | None:
        """The exit code of the server's own process, or None while it runs."""
        return self._group.exit_code() if self._group else None

    @property
    def ended(self) -> bool:
        """Whether the server's own process has ended."""
        return self.exit_code is not None

    def log(self) -> str:
        """Return the text that the server wrote to its standard error so far.

        The keeper cuts the middle out of a log that grows beyond some megabytes.
        """
        return self._read_log().decode(errors="replace")

    def last_words(self) -> str:
        """Return the last line that the server wrote to its standard error, or "nothing".

        While the server runs, it may have written more since a worker ended: then the last line
        that tells of trouble, if there is one. At most ``_WORDS`` characters of it.
        """
        text = self._read_log()[-_TAIL:].decode(errors="replace")
        lines = [line for line in map(str.strip, reversed(text.split("\n"))) if line]
        troubles = [line for line in lines if not self.ended and _TROUBLE.search(line)]
        last = next(iter([*troubles, *lines]), "nothing")
        return last if len(last) <= _WORDS else f"{last[:_WORDS]} ..."

    def _read_log(self) -> bytes:
        """Return the log; nothing if it is gone, or no regular file."""
        path, flags = self.group.folder / "stderr", os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW
        with contextlib.suppress(OSError), os.fdopen(os.open(path, flags), "rb") as log:
            found = os.fstat(log.fileno())
            if not stat.S_ISREG(found.st_mode):
                return b""
            hole = os.lseek(log.fileno(), 0, os.SEEK_HOLE)
            start = os.pread(log.fileno(), hole, 0)
            if hole >= found.st_size:
                return start
            log.seek(os.lseek(log.fileno(), hole, os.SEEK_DATA))
            return start + b"\n[%d bytes are left out here]\n" % (log.tell() - hole) + log.read()
        return b""

    def end(self, *, politely: bool = False) -> None:
        """End all processes of this server and remove its files; a second call does nothing.

        *politely* lets the server shut down by itself first, within ``POLITE_LIMIT``.
        """
        if self._group is not None:
            if politely:
                self._group.signal(signal.SIGTERM)
                self._group.exit_code(POLITE_LIMIT)
            self._group.end()
        if self.board is not None:
            self.board.close()


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit TCP_NODELAY. uvicorn takes a descriptor for a UNIX socket and
        # does not set it; then each keep-alive request waits 40 ms for a delayed acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else "ports end at 65535"
        raise TargetError(
            f"cannot listen on port {port} of 127.0.0.1 ({reason}); choose another port"
        ) from error
    return listener
