"""The cluster's web app: the routes of ``/queued`` for short jobs and for endless ones."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from asgi_liveness.queued import UnavailableError
from tools.cluster.jobs import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

queue_threads = ThreadPoolExecutor(8)


async def ask_queue(request: Request, method: str, *arguments: str) -> Any:
    """Call a method of a kind of jobs in a thread, as the columns do."""
    call: Callable[..., Any] = getattr(KINDS[request.path_params["kind"]], method)
    try:
        return await asyncio.get_running_loop().run_in_executor(queue_threads, call, *arguments)
    except UnavailableError as error:
        raise HTTPException(503, str(error), {"Retry-After": "1"}) from error
    except KeyError as error:
        raise HTTPException(404, "no such job") from error


async def hello(_: Request) -> Response:
    """Answer at once."""
    return JSONResponse({"message": "Hello"})


async def queued(request: Request) -> Response:
    """Queue a job, or list all jobs."""
    if request.method == "GET":
        return JSONResponse(await ask_queue(request, "states"))
    key = await ask_queue(request, "start")
    where = {"Location": f"{request.url.path}/{key}"}
    return JSONResponse({"message": "Job queued"}, 202, headers=where)


async def queued_job(request: Request) -> Response:
    """Return a job's status, or stop the job."""
    method = "stop" if request.method == "DELETE" else "status"
    return JSONResponse(await ask_queue(request, method, request.path_params["key"]))


app = Starlette(
    routes=[
        Route("/hello", hello),
        Route("/{kind}", queued, methods=["GET", "POST"]),
        Route("/{kind}/{key}", queued_job, methods=["GET", "DELETE"]),
    ]
)
