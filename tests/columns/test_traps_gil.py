"""Threads that compute, and processes that do: what a probe beside them waits."""

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
    """Seconds that a probe of /hello waits in the median, beside what *path* starts."""
    with Server(SERVERS[0], "examples.traps.threads_that_compute:app") as server:
        await server.ready()
        assert (await fetch(server.url, "GET", path)).status == 200
        probes = Window("beside", (), State.ALIVE, paths=("/hello",), probes=20, interval=0.1)
        seen = await watch(server, probes)
    assert seen.answered == {"/hello": 20}
    return median(seen.waits)


def test_threads_that_compute() -> None:
    beside_threads = asyncio.run(typical_wait("/threads"))
    beside_processes = asyncio.run(typical_wait("/processes"))
    assert beside_threads > 5 * beside_processes
