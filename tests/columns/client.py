"""A client of a server: it sends requests, probes, reads streams and disconnects."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

from asgi_liveness.serving.server import Server

LIMIT = 60.0  # seconds
REFUSED = (503, "", "1")


class Answer(NamedTuple):
    status: int
    location: str
    retry_after: str
    body: Any


def ask(server: Server, method: str, path: str) -> Answer:
    """Send a request on a new connection: a server may close a reused one at any moment."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT)
    with contextlib.closing(connection):
        connection.request(method, path)
        got = connection.getresponse()
        body, has = got.read(), got.headers
        told = json.loads(body) if has["content-type"] == "application/json" else body
        return Answer(got.status, has.get("location", ""), has.get("retry-after", ""), told)


def begin(server: Server, path: str) -> socket.socket:
    """Send a request and do not wait for the response. Close the connection to disconnect."""
    connection = socket.create_connection(("127.0.0.1", server.port), LIMIT)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return connection


@contextmanager
def probing(server: Server) -> Iterator[list[int]]:
    """Probe /hello all the time, and check that each response is a 200."""
    probes: list[int] = []
    over = threading.Event()

    def probe() -> None:
        while not over.wait(0.02):
            probes.append(ask(server, "GET", "/hello").status)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(probe)
        try:
            yield probes
        finally:
            over.set()
        done.result()
    assert set(probes) == {200}


@contextmanager
def reading(server: Server, path: str) -> Iterator[Future[None]]:
    """Read a stream in big chunks to its end, and disconnect where the end does not come."""

    def drain() -> None:
        with contextlib.suppress(ConnectionError):
            while client.recv(2**20):
                time.sleep(0.02)

    with ThreadPoolExecutor(1) as pool, begin(server, path) as client:
        try:
            yield pool.submit(drain)
        finally:
            with contextlib.suppress(OSError):  # the server may have disconnected before
                client.shutdown(socket.SHUT_RDWR)
