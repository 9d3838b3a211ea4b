"""A route only puts a job into a task queue, and sometimes the app answers nothing for seconds.

Why: the client of the queue waits for its database, and it waits on the event loop. It takes a
millisecond until the database is slow: here somebody else writes the same SQLite file.

Way out: call the queue in a thread, as `/queued` does, or write a plain `def` route.

See it: `uvicorn examples.traps.queue_call_on_event_loop:app`, then in a second terminal
`curl http://127.0.0.1:8000/backup`, `curl -m 1 http://127.0.0.1:8000/on-loop` and
`curl -m 2 http://127.0.0.1:8000/hello`: the last curl gets no response. After
`curl -m 1 http://127.0.0.1:8000/in-thread` it gets one.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import BackgroundTasks, FastAPI, Request
from huey import SqliteHuey

from asgi_liveness import LoopBody

LOCKED = 60  # seconds that SQLite waits for whoever writes; 5 by default


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "queue.sqlite"
        queue = SqliteHuey(filename=str(file), timeout=LOCKED)
        app.state.file, app.state.report = file, queue.task()(report)
        yield
        queue.storage.close()


def report() -> None:
    """Stand for the work of a worker, which is not started here."""


def write(database: sqlite3.Connection) -> None:
    """Hold the database."""
    body = LoopBody("/backup")
    while body.running:
        body.step()
        time.sleep(0.01)
    database.close()


app = FastAPI(lifespan=lifespan)
logger = logging.getLogger(__name__)


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


@app.get("/backup")
def backup(request: Request, background_tasks: BackgroundTasks) -> None:
    file = request.app.state.file
    database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
    database.execute("begin exclusive")
    background_tasks.add_task(write, database)


@app.get("/on-loop")
async def on_loop(request: Request) -> dict[str, str]:
    logger.warning("/on-loop queues a report")
    return {"job": request.app.state.report().id}


@app.get("/in-thread")
async def in_thread(request: Request) -> dict[str, str]:
    logger.warning("/in-thread queues a report")
    return {"job": (await asyncio.to_thread(request.app.state.report)).id}
