"""Traps in the code around an endless loop: each app blocks, and its way out does not.

The docstring of each app in ``examples/traps`` has the symptom, the reason and the way out.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from operator import lt
from pathlib import Path

import httpx
import pytest

from asgi_liveness.conformance.contract import State, Window
from asgi_liveness.conformance.observation import Observation
from asgi_liveness.conformance.window import watch
from asgi_liveness.probing.client import open_client
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS, ServerKind
from tests.waiting import until_async

pytestmark = pytest.mark.servers

LIMIT = 20.0  # seconds that anything may take
FREEZE_HOLD = 0.25  # seconds for which a probe that must not be answered is watched
MANY = 10_000  # steps


@asynccontextmanager
async def serving(trap: str, kind: ServerKind = SERVERS[0]) -> AsyncIterator[Server]:
    with Server(kind, f"examples.traps.{trap}:app") as server:
        await server.ready()
        yield server


async def watched(server: Server, must_be: State, *jobs: str) -> Observation:
    """Probe ``/hello`` while loops run, the given ones or those that run already; then end them."""
    seen = await watch(server, Window("a trap", jobs, must_be, paths=("/hello",)))
    assert seen.state is must_be
    assert seen.recovered
    return seen


def steps(server: Server) -> int:
    return sum(loop.steps for loop in server.ledger.loops())


def log(server: Server) -> str:
    return (server.group.folder / "stderr").read_text()


def test_sleep_without_await() -> None:
    async def run() -> None:
        async with serving("sleep_without_await") as server:
            await watched(server, State.ALIVE, "/awaited")
            assert "RuntimeWarning" not in log(server)
            await watched(server, State.FROZEN, "/not-awaited")
            assert "RuntimeWarning: coroutine 'sleep' was never awaited" in log(server)

    asyncio.run(run())


def test_await_that_never_suspends() -> None:
    async def run() -> None:
        async with serving("await_that_never_suspends") as server:
            await watched(server, State.FROZEN, "/coroutine")
            await watched(server, State.FROZEN, "/queue")
            await watched(server, State.FROZEN, "/lock")
            await watched(server, State.ALIVE, "/sleep")

    asyncio.run(run())


@asynccontextmanager
async def streaming(server: Server, path: str, *, reads: bool = True) -> AsyncIterator[None]:
    """Be the client of a stream within the block, then disconnect."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    reading: asyncio.Task[None] | None = None
    try:
        before = steps(server)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {server.url}\r\n\r\n".encode())
        if reads:
            reading = asyncio.create_task(read_on(reader))
        await until_async(lambda: steps(server) > before)
        yield
    finally:
        if reading:
            reading.cancel()
            await asyncio.wait({reading})
        writer.transport.abort()


async def read_on(reader: asyncio.StreamReader) -> None:
    while await reader.read(2**16):
        pass


@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.name)
def test_stream_without_await(kind: ServerKind) -> None:
    async def run() -> None:
        async with serving("stream_without_await", kind) as server:
            for path, must_be in (
                ("/awaiting-stream", State.ALIVE),
                ("/plain-stream", State.ALIVE),
                ("/stream", State.FROZEN),
            ):
                async with streaming(server, path):
                    before = steps(server)
                    await watched(server, must_be)
                    assert steps(server) > before

            # Its client does not read: the buffers fill, the stream waits, and the app responds.
            async with streaming(server, "/stream?size=65536", reads=False):
                await watched(server, State.ALIVE)
                assert not server.ledger.loops()[-1].ended

            # Its client disconnects: from then on a send never waits.
            assert "socket.send()" not in log(server)
            async with streaming(server, "/stream"):
                pass
            left = steps(server)
            await until_async(lambda: steps(server) > left + MANY)
            await watched(server, State.FROZEN)
            said = "socket.send() raised exception." in log(server)
            assert said == (kind.name != "uvicorn/uvloop")  # uvloop logs nothing

    asyncio.run(run())


def test_called_not_passed() -> None:
    async def run() -> None:
        async with serving("called_not_passed") as server:
            for path in ("/passed", "/passed-task"):
                window = await watched(server, State.ALIVE, path)
                assert not window.loops[0].on_event_loop
            assert "TypeError" not in log(server)
            for path, error in (
                ("/called", "TypeError: 'NoneType' object is not callable"),
                ("/called-task", "TypeError: the first argument must be callable"),
            ):
                window = await watched(server, State.FROZEN, path)
                assert window.loops[0].on_event_loop
                await until_async(lambda: error in log(server))  # noqa: B023 (awaited at once)

    asyncio.run(run())


def test_executor_in_with() -> None:
    async def run() -> None:
        async with serving("executor_in_with") as server, open_client(server.url) as client:
            for path, must_be in (("/without", State.ALIVE), ("/with", State.FROZEN)):
                request = asyncio.create_task(client.get(path))
                await until_async(lambda: f"{path} timed out" in log(server))  # noqa: B023 (awaited at once)
                before = steps(server)
                await watched(server, must_be)
                assert steps(server) > before
                assert not any(loop.on_event_loop for loop in server.ledger.loops())
                assert (await asyncio.wait_for(request, LIMIT)).status_code == 200

    asyncio.run(run())


def into(pipe: Path) -> ServerKind:
    """The first server, with its stdout sent into *pipe*."""
    redirect = (
        f"import os, sys; os.dup2(os.open({str(pipe)!r}, os.O_WRONLY), 1);"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    return ServerKind("into a pipe", (), ("-c", redirect, *SERVERS[0].command))


async def unanswered(server: Server, client: httpx.AsyncClient) -> asyncio.Task[httpx.Response]:
    """Probe until a probe gets no response while no loop makes a step; return that probe."""
    limit = time.monotonic() + LIMIT
    while time.monotonic() < limit:
        probe, before = asyncio.create_task(client.get("/hello")), -1
        while not probe.done() and steps(server) > before:
            before = steps(server)
            await asyncio.wait({probe}, timeout=FREEZE_HOLD)
        if not probe.done():
            return probe
    pytest.fail("every probe was answered")


def test_print_into_unread_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "stdout"
    os.mkfifo(pipe)
    output = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    async def run() -> None:
        async with (
            serving("print_into_unread_pipe", into(pipe)) as server,
            open_client(server.url) as client,
        ):
            printing = asyncio.create_task(client.get("/printing"))
            await until_async(lambda: steps(server) > 0)
            probe = await unanswered(server, client)
            before = steps(server), server.ledger.beats
            await asyncio.sleep(FREEZE_HOLD)
            assert (steps(server), server.ledger.beats) == before
            assert not probe.done()

            asyncio.get_running_loop().add_reader(output, os.read, output, 2**16)
            assert (await asyncio.wait_for(probe, LIMIT)).status_code == 200
            await until_async(lambda: steps(server) > before[0] + MANY)
            await watched(server, State.ALIVE)
            assert (await asyncio.wait_for(printing, LIMIT)).status_code == 200
            asyncio.get_running_loop().remove_reader(output)

    try:
        asyncio.run(run())
    finally:
        os.close(output)


def test_lost_updates() -> None:
    async def counted_and_made(server: Server, client: httpx.AsyncClient, path: str) -> list[int]:
        """Run two loops at the same time; return the counter and the number of updates."""
        first = server.ledger.taken
        for _ in range(2):
            await client.get(path)
        await until_async(lambda: server.ledger.taken == first + 2)
        since = [loop.steps + MANY for loop in server.ledger.loops(first)]
        await until_async(lambda: all(map(lt, since, made(server, first))))
        server.ledger.stop()
        await until_async(lambda: all(loop.ended for loop in server.ledger.loops(first)))
        counters = (await client.get("/counters")).json()
        return [counters[path], sum(made(server, first))]

    def made(server: Server, first: int) -> list[int]:
        return [loop.steps for loop in server.ledger.loops(first)]

    async def run() -> None:
        async with serving("lost_updates") as server, open_client(server.url) as client:
            counted, updates = await counted_and_made(server, client, "/threads")
            assert counted < updates
            for path in ("/locked", "/cooperative"):
                counted, updates = await counted_and_made(server, client, path)
                assert counted == updates

    asyncio.run(run())
