"""Servers that nobody watches, as people start them themselves."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.waiting import until

APP = """\
import asyncio, os, re, threading, time

def work():
    end = time.monotonic() + 0.02
    while time.monotonic() < end:
        pass

def spin():
    while True:
        pass

async def freeze():
    while True:
        pass

async def cooperate():
    while True:
        work()
        await asyncio.sleep(0)

async def hold():
    re.match(r"(a+)+$", "a" * 60 + "b")

async def hold_in_thread():
    await asyncio.to_thread(re.match, r"(a+)+$", "a" * 60 + "b")

async def spin_in_thread():
    await asyncio.to_thread(spin)

async def sleep_a_while():
    time.sleep(1.0)

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    name = scope["path"][1:]
    if name:
        print(f"begins {name}", flush=True)
        await globals()[name]()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % os.getpid()})
"""


def line_of(function: str) -> int:
    """The number of the line that defines a function of the app."""
    return next(at for at, row in enumerate(APP.splitlines(), 1) if f"def {function}(" in row)


@dataclass
class Running:
    """A server in a session of its own."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    _open: list[socket.socket] = field(default_factory=list)

    @property
    def pid(self) -> int:
        return self.process.pid

    def request(self, name: str) -> None:
        """Send a request, and return when its handler begins."""
        before = self.log.read_text().count(f"begins {name}")
        self._open.append(self._sent(f"/{name}"))
        until(lambda: self.log.read_text().count(f"begins {name}") > before)
        time.sleep(0.2)  # a thread that the handler starts begins, and nothing is judged by it

    def serving(self) -> int:
        """The pid of a process that responds; 0 if none does."""
        with contextlib.suppress(OSError), self._sent("/") as connection:
            connection.settimeout(2.0)
            found = re.search(rb"\r\n\r\n(?:[0-9a-f]+\r\n)?(\d+)", _read(connection))
            return int(found[1]) if found else 0
        return 0

    def all_serving(self) -> set[int]:
        """The pids that respond to a few requests."""
        return {self.serving() for _ in range(20)} - {0}

    def _sent(self, path: str) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return connection

    def end(self) -> None:
        """End every process of the session."""
        for connection in self._open:
            connection.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()


def _read(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(4096), b""))


@contextmanager
def running(folder: Path, *words: str) -> Iterator[Running]:
    """Run ``python -m WORDS`` with a free port in place of ``{port}``, until it responds."""
    (folder / "frozen_app.py").write_text(APP)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "server.log"
    command = [sys.executable, "-m", *(word.replace("{port}", str(port)) for word in words)]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=folder, stdout=file, stderr=file, start_new_session=True
        )
    server = Running(process, port, log)
    try:
        until(server.serving)
        yield server
    finally:
        server.end()
