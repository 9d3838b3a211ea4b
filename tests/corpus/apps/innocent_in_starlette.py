"""Handlers that do not block the event loop, in Starlette: the check must call each one live."""

# ruff: noqa: ARG001 (a handler must take the request)

from __future__ import annotations

import asyncio
import functools
import multiprocessing
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.corpus.apps.late import late


async def healthz(request: Request) -> Response:
    return PlainTextResponse("ok")


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(80):
        yield b"x" * 2**16
        await asyncio.sleep(0)


async def download(request: Request) -> Response:  # GET /download does not block
    return StreamingResponse(chunks())


async def command(request: Request) -> Response:  # GET /command does not block
    child = await asyncio.create_subprocess_exec("sleep", "1")
    return PlainTextResponse(str(await child.wait()))


def compute(size: int) -> int:
    return max(range(size), key=lambda number: number % 7919)


@functools.cache
def pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


async def process(request: Request) -> Response:  # GET /process does not block
    done = await asyncio.get_running_loop().run_in_executor(pool(), compute, 15_000_000)
    return PlainTextResponse(str(done))


client = httpx.AsyncClient(verify=False, trust_env=False)  # noqa: S501 (it loads no certificates, and uses no https)


async def upstream(request: Request) -> Response:  # GET /upstream does not block
    return PlainTextResponse(str((await client.get(late())).status_code))


async def hold(lock: asyncio.Lock) -> None:
    async with lock:
        await asyncio.sleep(0.1)


async def lock(request: Request) -> Response:  # GET /lock does not block
    held = asyncio.Lock()
    await asyncio.gather(*(hold(held) for _ in range(10)))
    return PlainTextResponse("every task had the lock")


async def queue(request: Request) -> Response:  # GET /queue does not block
    numbers: asyncio.Queue[int] = asyncio.Queue()
    asyncio.get_running_loop().call_later(1.0, numbers.put_nowait, 1)
    return PlainTextResponse(str(await numbers.get()))


async def event(request: Request) -> Response:  # GET /event does not block
    await asyncio.Event().wait()
    return PlainTextResponse("set")


async def many(request: Request) -> Response:  # GET /many does not block
    for _ in range(200_000):
        await asyncio.sleep(0)
    return PlainTextResponse("many")


async def timeout(request: Request) -> Response:  # GET /timeout does not block
    try:
        await asyncio.wait_for(asyncio.sleep(60.0), 1.0)
    except TimeoutError:
        return PlainTextResponse("the sleep timed out", 504)
    return PlainTextResponse("slept")


app = Starlette(
    routes=[
        Route("/healthz", healthz),
        Route("/download", download),
        Route("/command", command),
        Route("/process", process),
        Route("/upstream", upstream),
        Route("/lock", lock),
        Route("/queue", queue),
        Route("/event", event),
        Route("/many", many),
        Route("/timeout", timeout),
    ]
)
