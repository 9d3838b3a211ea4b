"""Traps of task queues: each app does what its docstring says."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from asgi_liveness.conformance.contract import State, Window
from asgi_liveness.conformance.window import watch
from asgi_liveness.inside.ledger import PATH_VARIABLE, Ledger
from asgi_liveness.probing.client import open_client
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS
from asgi_liveness.serving.worker import Worker
from tests.kit.redis_server import needs_redis, serving_redis
from tests.waiting import LIMIT, until_async

pytestmark = pytest.mark.servers

VISIBLE = 1.0  # seconds: the visibility timeout of the trap


@asynccontextmanager
async def serving(trap: str) -> AsyncIterator[Server]:
    with Server(SERVERS[0], f"examples.traps.{trap}:app") as server:
        await server.ready()
        yield server


async def watched(server: Server, must_be: State) -> None:
    """Probe ``/hello`` while the loops run that run already; then end them."""
    seen = await watch(server, Window("a trap", (), must_be, paths=("/hello",)))
    assert seen.state is must_be
    assert seen.recovered


def loops(ledger: Ledger, name: str) -> list[int]:
    """Return the steps of each loop of a name that has begun and has not ended."""
    return [loop.steps for loop in ledger.loops() if loop.route == name and not loop.ended]


async def go_on(ledger: Ledger, name: str, number: int) -> None:
    """Wait until *number* loops of a name run and each has made ten more steps."""
    await until_async(lambda: len(loops(ledger, name)) == number)
    before = loops(ledger, name)
    await until_async(
        lambda: all(b + 10 <= a for b, a in zip(before, loops(ledger, name), strict=True))
    )


def test_result_awaited_by_get() -> None:
    async def run() -> None:
        async with serving("result_awaited_by_get") as server, open_client(server.url) as client:
            for path, must_be in (("/in-thread", State.ALIVE), ("/get", State.FROZEN)):
                request = asyncio.create_task(client.get(path))
                await until_async(lambda: loops(server.ledger, path))  # noqa: B023 (awaited at once)
                await watched(server, must_be)  # it ends the job
                assert not any(loop.on_event_loop for loop in server.ledger.loops())
                assert (await asyncio.wait_for(request, LIMIT)).json()["steps"] > 0

    asyncio.run(run())


def test_queue_call_on_event_loop() -> None:
    async def run() -> None:
        async with serving("queue_call_on_event_loop") as server, open_client(server.url) as client:
            for path, must_be in (("/in-thread", State.ALIVE), ("/on-loop", State.FROZEN)):
                assert (await client.get(path)).json()["job"]  # the database is free
                assert (await client.get("/backup")).status_code == 200
                await go_on(server.ledger, "/backup", 1)
                request = asyncio.create_task(client.get(path))
                await until_async(lambda: log(server).count(f"{path} queues") == 2)  # noqa: B023 (awaited at once)
                await watched(server, must_be)  # it ends the backup
                assert (await asyncio.wait_for(request, LIMIT)).json()["job"]

    asyncio.run(run())


def log(server: Server) -> str:
    return (server.group.folder / "stderr").read_text()


def celery(ledger: Ledger) -> Worker:
    """Return a worker of Celery with one process for its jobs."""
    command = ("celery", "-A", "examples.traps.acks_late_endless:queue", "worker", "-c", "1")
    return Worker((sys.executable, "-m", *command), {**os.environ, PATH_VARIABLE: str(ledger.path)})


@needs_redis
def test_acks_late_endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from redis import Redis  # noqa: PLC0415 (it need not be installed)

    async def run(broker: Redis) -> None:
        async with serving("acks_late_endless") as server, open_client(server.url) as client:
            ledger = server.ledger
            with celery(ledger):
                assert (await client.get("/early")).json()["job"]
                await go_on(ledger, "/early", 1)
                assert not broker.hlen("unacked")  # nothing is there to be handed out again
                await stopped(ledger)
                assert (await client.get("/late")).json()["job"]
                await go_on(ledger, "/late", 1)
                assert broker.hlen("unacked") == 1
                visible = time.monotonic() + VISIBLE
                await until_async(lambda: time.monotonic() > visible)
                with celery(ledger):
                    await go_on(ledger, "/late", 2)
                    await stopped(ledger)

    with serving_redis(tmp_path) as redis, closing(Redis.from_url(redis.url)) as broker:
        monkeypatch.setenv("BROKER", redis.url)
        asyncio.run(run(broker))


async def stopped(ledger: Ledger) -> None:
    """Stop the loops and wait for their end."""
    ledger.stop()
    await until_async(lambda: all(loop.ended for loop in ledger.loops()))
