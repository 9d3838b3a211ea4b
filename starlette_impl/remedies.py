"""The remedies in Starlette: the same endless loop, with a limit, an owner and an end.

``app.py`` mounts them. To copy one, replace ``body.step()`` by one iteration of your work
and ``body.running`` by your own condition. CONTRACT.md says what each of them promises.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from asgi_liveness import LoopBody
from asgi_liveness.jobs import Job, Jobs
from asgi_liveness.pacing import Pace
from asgi_liveness.queued import UnavailableError, queued_jobs

T = TypeVar("T")
THREADS = 8
threads = ThreadPoolExecutor(THREADS)
free_threads = asyncio.Semaphore(THREADS)
supervised_jobs = Jobs(most=1000)
process_jobs = Jobs(most=8)
queue_threads = ThreadPoolExecutor(THREADS)


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Own the jobs: stop all of them when the app shuts down."""
    yield
    await supervised_jobs.stop()
    await process_jobs.stop()


def offloaded_loop(body: LoopBody) -> None:
    """Run the loop in a plain def, until its handler stops the body."""
    while body.running:
        body.step()


async def offloaded(request: Request) -> JSONResponse:
    """Await the loop in a thread of a small pool, and stop it when its client disconnects."""
    if free_threads.locked():
        raise HTTPException(503, "all threads are busy", {"Retry-After": "1"})
    async with free_threads:
        body = LoopBody("/offloaded")
        done = asyncio.get_running_loop().run_in_executor(threads, offloaded_loop, body)
        try:
            # Starlette does not cancel a handler whose client disconnects: it has to ask.
            while not (done.done() or await request.is_disconnected()):
                await asyncio.wait({done}, timeout=0.1)
        finally:
            body.stop()
        await done
    return JSONResponse({"steps": body.steps})


async def supervised_loop(job: Job) -> None:
    """Run the loop and yield to the event loop in each iteration."""
    body = LoopBody("/supervised")
    while body.running:
        body.step()
        job.steps = body.steps
        await asyncio.sleep(0)


async def supervised(request: Request) -> JSONResponse:
    """Start the loop as a job that the app owns, and return the job's address."""
    if supervised_jobs.full:
        raise HTTPException(503, "too many jobs are running", {"Retry-After": "1"})
    key = supervised_jobs.start(supervised_loop)
    return JSONResponse({"message": "Job started"}, 202, {"Location": f"/supervised/{key}"})


async def supervised_list(request: Request) -> JSONResponse:
    """Return the state of each job."""
    return JSONResponse({key: job.state for key, job in supervised_jobs.items()})


async def supervised_status(request: Request) -> JSONResponse:
    """Return what a job has done."""
    key = request.path_params["key"]
    if key not in supervised_jobs:
        raise HTTPException(404, "no such job")
    return JSONResponse(supervised_jobs[key].status())


async def supervised_stop(request: Request) -> JSONResponse:
    """Stop a job, and return what it has done."""
    key = request.path_params["key"]
    if key not in supervised_jobs:
        raise HTTPException(404, "no such job")
    await supervised_jobs[key].stop()
    return JSONResponse(supervised_jobs[key].status())


async def streamed_loop() -> AsyncIterator[str]:
    """Run the loop and yield each result as a server-sent event."""
    body = LoopBody("/streamed")
    while body.running:
        body.step()
        yield f"data: {body.steps}\n\n"
        await asyncio.sleep(0)


async def streamed(request: Request) -> StreamingResponse:
    """Send each result to the client at once, and stop when the client disconnects."""
    # Starlette cancels a streamed response when its client disconnects.
    return StreamingResponse(streamed_loop(), media_type="text/event-stream")


async def process_job(job: Job) -> None:
    """Run the loop in a process and count the lines it prints; if it fails, the job fails."""
    command = (sys.executable, "-m", "asgi_liveness.process_loop", str(os.getpid()))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        while output := await process.stdout.read(65536):
            job.steps += output.count(b"\n")
        if await process.wait():
            raise ChildProcessError(f"the process ended with {process.returncode}")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        # Not wait(): while the pipe is full and nobody reads it, that may not return.
        await process.communicate()


async def process(request: Request) -> JSONResponse:
    """Start the loop in a process of its own, and return its job's address."""
    if process_jobs.full:
        raise HTTPException(503, "too many processes are running", {"Retry-After": "1"})
    key = process_jobs.start(process_job)
    return JSONResponse({"message": "Job started"}, 202, {"Location": f"/process/{key}"})


async def process_list(request: Request) -> JSONResponse:
    """Return the state of each job."""
    return JSONResponse({key: job.state for key, job in process_jobs.items()})


async def process_status(request: Request) -> JSONResponse:
    """Return what a job has done."""
    key = request.path_params["key"]
    if key not in process_jobs:
        raise HTTPException(404, "no such job")
    return JSONResponse(process_jobs[key].status())


async def process_stop(request: Request) -> JSONResponse:
    """Stop a job, and return what it has done."""
    key = request.path_params["key"]
    if key not in process_jobs:
        raise HTTPException(404, "no such job")
    await process_jobs[key].stop()
    return JSONResponse(process_jobs[key].status())


async def paced_loop(body: LoopBody) -> None:
    """Run the loop a slice at a time; all paced loops take their slices in turn."""
    async with Pace() as pace:
        while body.running:
            body.step()
            await pace


async def paced(request: Request) -> JSONResponse:
    """Await the loop while other requests are answered, and stop it when its client disconnects."""
    body = LoopBody("/paced")
    loop = asyncio.create_task(paced_loop(body))
    try:
        # Starlette does not cancel a handler whose client disconnects: it has to ask.
        while not (loop.done() or await request.is_disconnected()):
            await asyncio.wait({loop}, timeout=0.1)
    finally:
        body.stop()
    await loop
    return JSONResponse({"steps": body.steps})


async def ask_queue(method: Callable[..., T], *arguments: str) -> T:
    """Call a method of the queued jobs in a thread of its own pool: it waits for a database."""
    try:
        return await asyncio.get_running_loop().run_in_executor(queue_threads, method, *arguments)
    except UnavailableError as error:
        raise HTTPException(503, str(error), {"Retry-After": "1"}) from error
    except KeyError as error:
        raise HTTPException(404, "no such job") from error


async def queued(request: Request) -> JSONResponse:
    """Put the loop into a task queue, whose workers outlive the server; return its address."""
    key = await ask_queue(queued_jobs.start)
    return JSONResponse({"message": "Job queued"}, 202, {"Location": f"/queued/{key}"})


async def queued_list(request: Request) -> JSONResponse:
    """Return the state of each job."""
    return JSONResponse(await ask_queue(queued_jobs.states))


async def queued_status(request: Request) -> JSONResponse:
    """Return what a job has done, and when it was last seen."""
    key = request.path_params["key"]
    return JSONResponse(await ask_queue(queued_jobs.status, key))


async def queued_stop(request: Request) -> JSONResponse:
    """Stop a job, on whichever machine it runs, and return what it has done."""
    key = request.path_params["key"]
    return JSONResponse(await ask_queue(queued_jobs.stop, key))


routes = [
    Route("/offloaded", offloaded),
    Route("/supervised", supervised, methods=["POST"]),
    Route("/supervised", supervised_list),
    Route("/supervised/{key}", supervised_status),
    Route("/supervised/{key}", supervised_stop, methods=["DELETE"]),
    Route("/streamed", streamed),
    Route("/process", process, methods=["POST"]),
    Route("/process", process_list),
    Route("/process/{key}", process_status),
    Route("/process/{key}", process_stop, methods=["DELETE"]),
    Route("/paced", paced),
    Route("/queued", queued, methods=["POST"]),
    Route("/queued", queued_list),
    Route("/queued/{key}", queued_status),
    Route("/queued/{key}", queued_stop, methods=["DELETE"]),
]
