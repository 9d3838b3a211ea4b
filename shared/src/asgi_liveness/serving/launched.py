"""One server process, whatever it is: started in a group of its own, and always ended.

The rule: every server lives in the group of a keeper (see ``keeper``) and is ended with it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from typing import Final, Self

from asgi_liveness.errors import TargetError
from asgi_liveness.serving.board import Board
from asgi_liveness.serving.group import Group

POLITE_LIMIT: Final = 1.0  # seconds that a server gets to end by itself


class Launched:
    """A server from ``start`` to ``end``, or in a ``with`` block; ``start`` does not wait.

    *port* 0 takes a free one. ``{fd}`` in *command* is the number of a listening socket, so that
    nobody else can take its port; a command that takes no descriptor has ``{port}`` instead.
    With *max_stall*, its Python processes are watched for stalls of that many seconds: ``board``.
    """

    board: Board | None = None

    def __init__(
        self, command: tuple[str, ...], port: int = 0, *, max_stall: float | None = None
    ) -> None:
        self.command, self.port = command, port
        self._max_stall = max_stall
        self._group: Group | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> None:
        """Start the server in a group of its own.

        Raises ``LedgerError`` where no file can be made, ``TargetError`` where the port is taken
        or there is no such command.
        """
        self._group = Group()
        try:
            self._launch(self._environment())
        except BaseException:
            self.end()
            raise

    def _environment(self) -> dict[str, str]:
        """The runner's own; the files that the app makes for a time go with the group."""
        temporary = self.group.folder / "tmp"
        temporary.mkdir()
        environment = {**os.environ, "TMPDIR": str(temporary)}
        if self._max_stall is None:
            return environment
        self.board = Board(self.group.folder, self._max_stall)
        return self.board.watched(environment)

    def _launch(self, environment: dict[str, str]) -> None:
        listener = _listen(self.port)
        with listener:
            self.port = listener.getsockname()[1]
            takes_descriptor = any("{fd}" in part for part in self.command)
            if not takes_descriptor:
                listener.close()
            fd = str(listener.fileno())
            command = [
                part.replace("{fd}", fd).replace("{port}", str(self.port)) for part in self.command
            ]
            with (self.group.folder / "stderr").open("wb") as stderr:
                try:
                    self._process = subprocess.Popen(
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=stderr,
                        env=environment,
                        pass_fds=[listener.fileno()] if takes_descriptor else [],
                        process_group=self.group.id,
                    )
                except OSError as error:
                    raise TargetError(
                        f"{command[0]} cannot be started ({error.strerror}); is it installed in "
                        f"this environment and on the PATH?"
                    ) from error

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def group(self) -> Group:
        """What all processes and files of the server are in, from ``start`` on."""
        assert self._group is not None
        return self._group

    @property
    def pid(self) -> int:
        """The id of the server's own process, the one that its users would signal."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """What the server's own process ended with, or None while it runs."""
        return self._process.poll() if self._process else None

    @property
    def ended(self) -> bool:
        """Whether the server's own process has ended."""
        return self.exit_code is not None

    def log(self) -> str:
        """Return what the server wrote to its standard error so far."""
        with contextlib.suppress(FileNotFoundError):
            return (self.group.folder / "stderr").read_text(errors="replace")
        return ""

    def last_words(self) -> str:
        """Return the last line that the server wrote to its standard error."""
        lines = reversed(self.log().split("\n"))
        return next((line.strip() for line in lines if line.strip()), "nothing")

    def end(self, *, politely: bool = False) -> None:
        """End everything that is of this server; may be repeated.

        *politely* lets it shut itself down first, for ``POLITE_LIMIT`` at the most.
        """
        if politely and self._process is not None and not self.ended:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(POLITE_LIMIT)
        if self._group is not None:
            self._group.end(self._process)
        if self.board is not None:
            self.board.close()


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit it; uvicorn takes a descriptor for a UNIX socket and does not
        # set it, and then each keep-alive request waits 40 ms for a delayed acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise TargetError(
            f"port {port} on 127.0.0.1 cannot be listened on ({error.strerror}); choose another"
        ) from error
    return listener
