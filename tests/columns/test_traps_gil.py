"""Probes wait longer while threads compute than while processes compute."""

from __future__ import annotations

import asyncio
from statistics import median

import pytest

from asgi_liveness.conformance.contract import State, Window
from asgi_liveness.conformance.window import watch
from asgi_liveness.probing.request import fetch
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS

pytestmark = pytest.mark.servers


async def typical_wait(path: str) -> float:
    """Return the median wait of probes of /hello, in seconds, after a request to *path*."""
    with Server(SERVERS[0], "examples.traps.threads_that_compute:app") as server:
        await server.ready()
        assert (await fetch(server.url, "GET", path)).status == 200
        probes = Window("computing", (), State.ALIVE, paths=("/hello",), probes=20, interval=0.1)
        seen = await watch(server, probes)
    assert seen.answered == {"/hello": 20}
    return median(seen.waits)


def test_threads_that_compute() -> None:
    with_threads = asyncio.run(typical_wait("/threads"))
    with_processes = asyncio.run(typical_wait("/processes"))
    assert with_threads > 5 * with_processes
