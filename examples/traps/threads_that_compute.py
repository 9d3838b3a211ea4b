"""Every response takes hundreds of milliseconds, and no request is slow by itself.

Why: threads that only compute share one GIL with the event loop, and each thread keeps it for
5 ms; a response needs the GIL several times. A thread that prints or waits releases it at once.

Way out: run computations in processes, at a lower priority than the server's.

See it: `asgi-liveness check examples.traps.threads_that_compute:app \
    --during /threads --probe /hello`
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from asgi_liveness import LoopBody

AT_ONCE = 8


async def hello(request: Request) -> JSONResponse:
    return JSONResponse({"Hello": "World"})


def compute() -> None:
    body = LoopBody("/threads")
    body.step()
    while body.running:
        sum(range(1000))


async def threads(request: Request) -> JSONResponse:
    for _ in range(AT_ONCE):
        threading.Thread(target=compute).start()
    return JSONResponse({"started": AT_ONCE})


async def processes(request: Request) -> JSONResponse:
    command = f"import os; os.nice(10)\nwhile os.getppid() == {os.getpid()}: sum(range(1000))"
    for _ in range(AT_ONCE):
        await asyncio.create_subprocess_exec(sys.executable, "-c", command)
    return JSONResponse({"started": AT_ONCE})


app = Starlette(
    routes=[
        Route("/hello", hello),
        Route("/threads", threads),
        Route("/processes", processes),
    ]
)
