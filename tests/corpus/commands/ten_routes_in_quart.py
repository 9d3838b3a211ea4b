"""The same app in Quart."""

import asyncio
import os
import time

from quart import Quart

app = Quart(__name__)
MARKED = b"\x1b[1mbold\x1b[0m \xff, and no end of the line"


@app.get("/healthz")
async def healthz() -> str:
    return str(os.getpid())


@app.get("/")
async def home() -> str:
    return ""


@app.get("/items/<name>")
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
async def printed() -> str:
    os.write(1, MARKED)
    os.write(2, MARKED)
    return ""


@app.get("/fork")
async def fork() -> str:
    child = os.fork()
    if not child:
        sum(range(10**7))
        os._exit(7)
    return str(os.waitstatus_to_exitcode((await asyncio.to_thread(os.waitpid, child, 0))[1]))


@app.get("/report/<int:year>")
async def report(year: int) -> str:
    until = time.thread_time() + 0.5
    while time.thread_time() < until:  # GET /report/<int:year> blocks
        year += 1  # GET /report/<int:year> blocks
    return str(year)


@app.get("/digest")
async def digest() -> str:
    return str(sum(range(3 * 10**7)))  # GET /digest blocks
