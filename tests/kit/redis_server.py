"""A real Redis of a test's own, which can be stopped, killed and started again."""

from __future__ import annotations

import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from asgi_liveness.queued import HAS_REDIS
from asgi_liveness.serving.launched import Launched
from tests.waiting import LIMIT, until

PROGRAM = shutil.which("redis-server")
PASSWORD = "open-sesame"  # noqa: S105 (of a server that lives for one test)
needs_redis = pytest.mark.skipif(
    not (PROGRAM and HAS_REDIS),
    reason="no Redis; type (as root): apt-get install redis-server, and: pip install redis",
)


class RedisServer:
    """A Redis on one port, which keeps its data as an append-only file in *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, 0
        self._server: Launched | None = None

    @property
    def url(self) -> str:
        """The address, with the password."""
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        assert PROGRAM is not None
        where = ("--bind", "127.0.0.1", "--port", "{port}", "--dir", str(self._folder))
        kept = ("--appendonly", "yes", "--save", "", "--requirepass", PASSWORD)
        self._server = Launched((PROGRAM, *where, *kept), self.port)
        self._server.start()
        self.port = self._server.port
        until(self._answers)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), LIMIT) as connection:
                connection.sendall(f"AUTH {PASSWORD}\r\nPING\r\n".encode())
                with connection.makefile("rb") as lines:
                    return [lines.readline(), lines.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False

    def hang(self) -> None:
        """Let it stop, with all its connections open."""
        assert self._server is not None
        self._server.group.signal(signal.SIGSTOP)

    def kill(self) -> None:
        """Kill it, and remove all but its data."""
        if self._server is not None:
            self._server.end()


@contextmanager
def serving_redis(folder: Path) -> Iterator[RedisServer]:
    """Serve a Redis that always ends."""
    redis = RedisServer(folder)
    try:
        redis.start()
        yield redis
    finally:
        redis.kill()
