"""A server answers as fast on a socket that it inherits as on its own port."""

from __future__ import annotations

import asyncio
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS, ServerKind

pytestmark = pytest.mark.servers

PAIRS = 40
MOST = 3.0  # ratio of the medians, descriptor to port; without TCP_NODELAY it is a hundred


def on_a_port(kind: ServerKind) -> ServerKind:
    line = " ".join(kind.command)
    line = line.replace("--fd {fd}", "--port {port}").replace("fd://{fd}", "127.0.0.1:{port}")
    return replace(kind, command=tuple(line.split()))


@contextmanager
def served(kind: ServerKind) -> Iterator[httpx.Client]:
    with Server(kind, "examples.bare_asgi:app") as server:
        asyncio.run(server.ready())
        with httpx.Client(base_url=server.url, timeout=10, trust_env=False) as client:
            yield client


def took(client: httpx.Client) -> float:
    began = time.perf_counter()
    client.get("/hello").raise_for_status()
    return time.perf_counter() - began


def ratio_of_medians(kind: ServerKind) -> float:
    """Return the ratio of latencies on kept-alive connections, measured in pairs."""
    with served(kind) as by_descriptor, served(on_a_port(kind)) as by_port:
        pairs = [(took(by_descriptor), took(by_port)) for _ in range(PAIRS)]
    by = [statistics.median(times) for times in zip(*pairs, strict=True)]
    return float(by[0] / by[1])


@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.name)
def test_a_descriptor_is_as_fast_as_a_port(kind: ServerKind) -> None:
    assert ratio_of_medians(kind) < MOST


def test_the_comparison_of_descriptor_and_port_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "TCP_NODELAY", socket.TCP_KEEPINTVL)
    assert ratio_of_medians(SERVERS[0]) > MOST
