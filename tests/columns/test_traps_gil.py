"""Probes wait longer while threads compute than while processes compute."""

from __future__ import annotations

import asyncio
from statistics import median

import pytest

from asgi_liveness.conformance import window
from asgi_liveness.conformance.contract import State, Window
from asgi_liveness.conformance.window import watch
from asgi_liveness.probing.request import fetch
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS
from tests.waiting import LIMIT

pytestmark = [pytest.mark.servers, pytest.mark.alone]


async def typical_wait(path: str) -> float:
    """Return the median wait of probes of /hello, in seconds, after a request to *path*."""
    with Server(SERVERS[0], "examples.traps.threads_that_compute:app") as server:
        await server.ready()
        assert (await fetch(server.url, "GET", path)).status == 200
        probes = Window("computing", (), State.ALIVE, paths=("/hello",), probes=20, interval=0.1)
        seen = await watch(server, probes)
    assert seen.answered == {"/hello": 20}
    return median(seen.waits)


def quicker_wait(path: str) -> float:
    """Return the typical wait in the quicker of two runs: other work makes it only longer."""
    return min(asyncio.run(typical_wait(path)) for _ in range(2))


def test_threads_that_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "ALIVE_CAP", LIMIT)  # on a busy machine a probe waits for seconds
    assert quicker_wait("/threads") > 5 * quicker_wait("/processes")
