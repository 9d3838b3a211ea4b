"""A FastAPI app of ten routes for `watch`: two of them block the event loop for a while."""

import asyncio
import contextlib
import os
import sys
import time

import uvicorn
from fastapi import FastAPI

app = FastAPI()
MARKED = b"\x1b[1mbold\x1b[0m \xff, and no end of the line"


@app.get("/healthz")
async def healthz() -> int:
    return os.getpid()


@app.get("/")
async def home() -> str:
    return getattr(sys.modules.get("sitecustomize"), "OF_THE_APP", "")


@app.get("/items/{name}")
async def items(name: str) -> str:
    return name


@app.get("/search")
def search() -> str:
    time.sleep(0.1)
    return "found"


@app.get("/export")
async def export() -> str:
    return await asyncio.to_thread(search)


@app.get("/wait")
async def wait() -> str:
    await asyncio.sleep(0.1)
    return "waited"


@app.get("/print")
async def printed() -> None:
    os.write(1, MARKED)
    os.write(2, MARKED)


@app.get("/fork")
async def fork() -> int:
    child = os.fork()
    if not child:
        sum(range(10**7))
        os._exit(7)
    return os.waitstatus_to_exitcode((await asyncio.to_thread(os.waitpid, child, 0))[1])


@app.get("/orphan")
async def orphan() -> int:
    child = os.fork()
    if not child:
        if not os.fork():
            time.sleep(0.2)  # noqa: ASYNC251 (in a process of its own)
        os._exit(0)
    return os.waitstatus_to_exitcode((await asyncio.to_thread(os.waitpid, child, 0))[1])


@app.get("/report/{year}")
async def report(year: int) -> int:
    until = time.thread_time() + 0.5
    while time.thread_time() < until:  # GET /report/{year} blocks
        year += 1  # GET /report/{year} blocks
    return year


@app.get("/digest")
async def digest() -> int:
    return sum(range(6 * 10**7))  # GET /digest blocks


def serve() -> None:
    """Serve in a process that forks, as servers with workers do: both have the same socket."""
    config = uvicorn.Config(app, port=int(os.environ["PORT"]))
    listener = config.bind_socket()
    asyncio.run(asyncio.sleep(0))  # the event loop of the parent, before the fork
    child = os.fork()
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it after its end
        uvicorn.Server(config).run([listener])
    if child:
        os.waitpid(child, 0)


if __name__ == "__main__":
    if sys.argv[1:] == ["forks"]:
        serve()
    else:
        uvicorn.run(app, port=int(os.environ["PORT"]))
