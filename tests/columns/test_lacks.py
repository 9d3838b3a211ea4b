"""Each column shows what the two fixes lack: threads run out, and servers wait for loops."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import httpx
import pytest

from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS
from tests.waiting import until
from tools.comparison import COLUMNS

LIMIT = 20.0  # seconds
WAITS = "Waiting for background tasks to complete"
POOLS = {"anyio": 40, "asyncio": min(32, (os.cpu_count() or 1) + 4)}  # threads in each
THREADS = {name: POOLS[column.threads] for name, column in COLUMNS.items()}


@pytest.fixture
def server(framework: str) -> Iterator[Server]:
    with Server(SERVERS[0], f"{framework}_impl.app:app") as server:
        asyncio.run(server.ready())
        yield server


def start_loops(server: Server, number: int) -> None:
    """Start background loops one by one, each of them making steps before the next."""
    for count in range(len(server.ledger.loops()) + 1, number + 1):
        httpx.get(f"{server.url}/background", timeout=LIMIT, trust_env=False)
        until(lambda: sum(loop.steps > 0 for loop in server.ledger.loops()) == count)  # noqa: B023 (awaited at once)


@pytest.mark.servers
@pytest.mark.parametrize("framework", THREADS)
def test_loops_in_all_threads_block_every_synchronous_route(framework: str, server: Server) -> None:
    async def ask() -> None:
        async with httpx.AsyncClient(base_url=server.url, timeout=LIMIT, trust_env=False) as client:
            start_loops(server, THREADS[framework] - 1)
            assert (await client.get("/hello-sync")).status_code == 200
            start_loops(server, THREADS[framework])
            hanging = asyncio.create_task(client.get("/hello-sync"))
            for _ in range(3):
                assert (await client.get("/hello")).status_code == 200
            assert not hanging.done()
            server.ledger.stop()
            assert (await hanging).status_code == 200

    asyncio.run(ask())


@pytest.mark.servers
@pytest.mark.parametrize("framework", COLUMNS)
def test_background_loop_delays_the_exit_of_uvicorn_where_listed(
    framework: str, server: Server
) -> None:
    def steps() -> int:
        return sum(loop.steps for loop in server.ledger.loops())

    start_loops(server, 1)
    os.kill(server.pid, signal.SIGTERM)
    if COLUMNS[framework].uvicorn_waits:
        until(lambda: WAITS in server.log())
        before = steps()
        until(lambda: steps() > before)
        assert not server.ended
    else:
        until(lambda: "Waiting for application shutdown" in server.log())
        assert WAITS not in server.log()
    server.ledger.stop()
    until(lambda: server.ended)
