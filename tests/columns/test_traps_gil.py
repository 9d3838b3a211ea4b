"""Probes wait longer while threads compute than while processes compute."""

from __future__ import annotations

import asyncio
from statistics import quantiles

import pytest

from asgi_liveness.conformance.contract import State, Window
from asgi_liveness.conformance.window import watch
from asgi_liveness.probing.request import fetch
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS

pytestmark = pytest.mark.servers


async def short_wait(path: str) -> float:
    """Return the longest wait of the quickest quarter of probes, in seconds, after a request.

    The other probes may wait for the processor of a busy machine as well.
    """
    with Server(SERVERS[0], "examples.traps.threads_that_compute:app") as server:
        await server.ready()
        assert (await fetch(server.url, "GET", path)).status == 200
        probes = Window("computing", (), State.ALIVE, paths=("/hello",), probes=20, interval=0.1)
        seen = await watch(server, probes)
    assert seen.answered == {"/hello": 20}
    return quantiles(seen.waits, n=4)[0]


def test_threads_that_compute() -> None:
    with_threads = min(asyncio.run(short_wait("/threads")) for _ in range(2))
    with_processes = min(asyncio.run(short_wait("/processes")) for _ in range(2))
    assert with_threads > 5 * with_processes
