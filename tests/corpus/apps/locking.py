"""Handlers that wait for another thread, in Quart; some threads wait for the handler too."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from quart import Quart

app = Quart(__name__)
pool = ThreadPoolExecutor(1)


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.get("/lock")
async def lock() -> str:
    taken = threading.Lock()
    taken.acquire()
    taken.acquire(timeout=1.0)  # GET /lock blocks
    return "the lock was taken"


accounts = threading.Lock()


def balance() -> str:
    with accounts:  # GET /deadlock blocks for ever
        return "0"


@app.get("/deadlock")
async def deadlock() -> str:
    with accounts:
        return balance()


@app.get("/event")
async def event() -> str:
    threading.Event().wait()  # GET /event blocks for ever, below it: threading.wait
    return "set"


@app.get("/queue")
async def from_queue() -> str:
    numbers: queue.Queue[str] = queue.Queue()
    threading.Timer(1.0, numbers.put, ["one"]).start()
    return numbers.get()  # GET /queue blocks, below it: queue.get


@app.get("/future")
async def future() -> str:
    pool.submit(time.sleep, 1.0).result()  # GET /future blocks, below it: _base.result
    return "done"


@app.get("/threadsafe")
async def threadsafe() -> str:
    future = asyncio.run_coroutine_threadsafe(healthz(), asyncio.get_running_loop())
    return future.result()  # GET /threadsafe blocks for ever, below it: _base.result


@app.get("/thread")
async def thread() -> str:
    worker = threading.Thread(target=time.sleep, args=[1.0])
    worker.start()
    worker.join()  # GET /thread blocks, below it: threading.join
    return "joined"


@app.get("/pool")
async def own_pool() -> str:
    with ThreadPoolExecutor(1) as own:  # GET /pool blocks, below it: _base.__exit__
        asyncio.get_running_loop().run_in_executor(own, time.sleep, 1.0)
    return "shut down"
