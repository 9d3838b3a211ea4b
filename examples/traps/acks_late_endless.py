"""One job was started, and after an hour it runs twice.

Why: with `acks_late`, Celery tells Redis that a job is done only at its end. Redis has no
connection to lose, so the broker hands out again what was not acknowledged within the visibility
timeout, an hour, while the first copy still runs.

Way out: acknowledge early, which loses the job if its worker dies; or set a visibility timeout
that is longer than any job. For an endless job no timeout is long enough: let a worker claim it and
show signs of life, as `/queued` does.

See it: `nox -s cluster -- -k acks_late_endless`
"""

from __future__ import annotations

import os

from celery import Celery
from fastapi import FastAPI

from asgi_liveness import LoopBody

queue = Celery(broker=os.environ.get("BROKER", "redis://127.0.0.1:6379/0"))
# One second for the test, instead of an hour.
queue.conf.broker_transport_options = {"visibility_timeout": 1}
queue.conf.worker_prefetch_multiplier = 1  # a busy worker takes no job that waits

app = FastAPI()


def loop(name: str) -> None:
    body = LoopBody(name)
    while body.running:
        body.step()


@queue.task(acks_late=True)
def late() -> None:
    loop("/late")


@queue.task(acks_late=False)
def early() -> None:
    loop("/early")


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


@app.get("/late")
def start_late() -> dict[str, str]:
    return {"job": late.delay().id}


@app.get("/early")
def start_early() -> dict[str, str]:
    return {"job": early.delay().id}
