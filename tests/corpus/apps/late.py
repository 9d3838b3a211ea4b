"""Slow servers on this machine, for the apps of the corpus to wait for."""

from __future__ import annotations

import functools
import socket
import threading
import time


@functools.cache
def late(seconds: float = 1.0) -> str:
    """Return the address of a server that responds after so many *seconds*."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_serve, args=(listener, seconds), daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"


@functools.cache
def silent() -> tuple[str, int]:
    """Return the host and port of a server that accepts connections and never responds."""
    listener = socket.create_server(("127.0.0.1", 0))
    _silent.append(listener)
    host, port = listener.getsockname()
    return host, port


_silent: list[socket.socket] = []


def _serve(listener: socket.socket, seconds: float) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_respond, args=(connection, seconds), daemon=True).start()


def _respond(connection: socket.socket, seconds: float) -> None:
    with connection:
        connection.recv(2**16)
        time.sleep(seconds)
        connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
