"""The remedies in FastAPI: the same endless loop, bounded, owned, and stopped in time.

``app.py`` mounts them. To copy one, replace ``body.step()`` by one turn of your work and
``body.running`` by your own condition. What each of them promises is in CONTRACT.md.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.responses import StreamingResponse

from asgi_liveness import LoopBody
from asgi_liveness.pacing import Pace
from fastapi_impl.jobs import Job, Jobs

THREADS = 8
threads = ThreadPoolExecutor(THREADS)
free_threads = asyncio.Semaphore(THREADS)
supervised_jobs = Jobs(most=1000)
process_jobs = Jobs(most=8)


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Own the jobs: none of them outlives the app."""
    yield
    await supervised_jobs.stop()
    await process_jobs.stop()


router = APIRouter(lifespan=lifespan)


def offloaded_loop(body: LoopBody) -> None:
    """Run the loop in a plain def, until its body is stopped."""
    while body.running:
        body.step()


@router.get("/offloaded")
async def offloaded(request: Request) -> dict[str, int]:
    """Await the loop in a thread of a small pool of its own, for as long as its client is there."""
    if free_threads.locked():
        raise HTTPException(503, "all threads are taken", {"Retry-After": "1"})
    async with free_threads:
        body = LoopBody("/offloaded")
        done = asyncio.get_running_loop().run_in_executor(threads, offloaded_loop, body)
        try:
            # FastAPI does not cancel a handler whose client has left: it has to ask.
            while not (done.done() or await request.is_disconnected()):
                await asyncio.wait({done}, timeout=0.1)
        finally:
            body.stop()
        await done
    return {"steps": body.steps}


async def supervised_loop(job: Job) -> None:
    """Run the loop and give the event loop a turn in each of its own."""
    body = LoopBody("/supervised")
    while body.running:
        body.step()
        job.steps = body.steps
        await asyncio.sleep(0)


@router.post("/supervised", status_code=202)
async def supervised(response: Response) -> dict[str, str]:
    """Start the loop as a job that the app owns, and say where to ask for it."""
    if supervised_jobs.full:
        raise HTTPException(503, "all jobs are taken", {"Retry-After": "1"})
    key = supervised_jobs.start(supervised_loop)
    response.headers["Location"] = f"/supervised/{key}"
    return {"message": "Job started"}


@router.get("/supervised")
async def supervised_list() -> dict[str, str]:
    """Say in what state each job is."""
    return {key: job.state for key, job in supervised_jobs.items()}


@router.get("/supervised/{key}")
async def supervised_seen(key: str) -> dict[str, int | str]:
    """Say what a job has done."""
    if key not in supervised_jobs:
        raise HTTPException(404, "no such job")
    return supervised_jobs[key].seen()


@router.delete("/supervised/{key}")
async def supervised_stop(key: str) -> dict[str, int | str]:
    """Stop a job; one that has ended stays as it is."""
    if key not in supervised_jobs:
        raise HTTPException(404, "no such job")
    await supervised_jobs[key].stop()
    return supervised_jobs[key].seen()


async def streamed_loop() -> AsyncIterator[str]:
    """Run the loop, and make each of its results a server-sent event."""
    body = LoopBody("/streamed")
    while body.running:
        body.step()
        yield f"data: {body.steps}\n\n"
        await asyncio.sleep(0)


@router.get("/streamed")
async def streamed() -> StreamingResponse:
    """Send the loop's results to its client as they come, for as long as it is there."""
    # FastAPI cancels a streamed answer when its client leaves.
    return StreamingResponse(streamed_loop(), media_type="text/event-stream")


async def process_job(job: Job) -> None:
    """Run the loop in a process of its own and count its output; a process that fails, fails it."""
    command = (sys.executable, "-m", "fastapi_impl.process_loop", str(os.getpid()))
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
        # Not wait(): behind a full pipe that nobody reads it may not come to an end.
        await process.communicate()


@router.post("/process", status_code=202)
async def process(response: Response) -> dict[str, str]:
    """Start the loop in a process of its own, and say where to ask for it."""
    if process_jobs.full:
        raise HTTPException(503, "all processes are taken", {"Retry-After": "1"})
    key = process_jobs.start(process_job)
    response.headers["Location"] = f"/process/{key}"
    return {"message": "Job started"}


@router.get("/process")
async def process_list() -> dict[str, str]:
    """Say in what state each job is."""
    return {key: job.state for key, job in process_jobs.items()}


@router.get("/process/{key}")
async def process_seen(key: str) -> dict[str, int | str]:
    """Say what a job has done."""
    if key not in process_jobs:
        raise HTTPException(404, "no such job")
    return process_jobs[key].seen()


@router.delete("/process/{key}")
async def process_stop(key: str) -> dict[str, int | str]:
    """Stop a job; one that has ended stays as it is."""
    if key not in process_jobs:
        raise HTTPException(404, "no such job")
    await process_jobs[key].stop()
    return process_jobs[key].seen()


async def paced_loop(body: LoopBody) -> None:
    """Run the loop a slice at a time, in turns with all others."""
    async with Pace() as pace:
        while body.running:
            body.step()
            await pace


@router.get("/paced")
async def paced(request: Request) -> dict[str, int]:
    """Await the loop while everything else goes on, for as long as its client is there."""
    body = LoopBody("/paced")
    loop = asyncio.create_task(paced_loop(body))
    try:
        # FastAPI does not cancel a handler whose client has left: it has to ask.
        while not (loop.done() or await request.is_disconnected()):
            await asyncio.wait({loop}, timeout=0.1)
    finally:
        body.stop()
    await loop
    return {"steps": body.steps}
