"""Every answer takes hundreds of milliseconds, and no request is slow by itself.

Why: threads that only compute share one GIL with the event loop and give it up only when asked,
after 5 ms each; an answer needs several turns. A thread that prints or waits gives it up at once.

Way out: run what computes in processes, behind the server in priority.
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
