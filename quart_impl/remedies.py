"""The remedies in Quart: the same endless loop, bounded, owned, and stopped in time.

``app.py`` mounts them. To copy one, replace ``body.step()`` by one turn of your work and
``body.running`` by your own condition. What each of them promises is in CONTRACT.md.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from quart import Blueprint, Response
from werkzeug.exceptions import NotFound, ServiceUnavailable

from asgi_liveness import LoopBody
from asgi_liveness.pacing import Pace
from quart_impl.jobs import Job, Jobs

THREADS = 8
threads = ThreadPoolExecutor(THREADS)
free_threads = asyncio.Semaphore(THREADS)
supervised_jobs = Jobs(most=1000)
process_jobs = Jobs(most=8)
blueprint = Blueprint("remedies", __name__)


@blueprint.while_app_serving
async def lifespan() -> AsyncGenerator[None, None]:
    """Own the jobs: none of them outlives the app."""
    yield
    await supervised_jobs.stop()
    await process_jobs.stop()


def offloaded_loop(body: LoopBody) -> None:
    """Run the loop in a plain def, until its body is stopped."""
    while body.running:
        body.step()


@blueprint.get("/offloaded")
async def offloaded() -> dict[str, int]:
    """Await the loop in a thread of a small pool of its own, for as long as its client is there."""
    if free_threads.locked():
        raise ServiceUnavailable("all threads are taken", retry_after=1)
    async with free_threads:
        body = LoopBody("/offloaded")
        done = asyncio.get_running_loop().run_in_executor(threads, offloaded_loop, body)
        try:
            # Quart cancels a handler whose client has left.
            await asyncio.wait({done})
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


@blueprint.post("/supervised")
async def supervised() -> tuple[dict[str, str], int, dict[str, str]]:
    """Start the loop as a job that the app owns, and say where to ask for it."""
    if supervised_jobs.full:
        raise ServiceUnavailable("all jobs are taken", retry_after=1)
    key = supervised_jobs.start(supervised_loop)
    return {"message": "Job started"}, 202, {"Location": f"/supervised/{key}"}


@blueprint.get("/supervised")
async def supervised_list() -> dict[str, str]:
    """Say in what state each job is."""
    return {key: job.state for key, job in supervised_jobs.items()}


@blueprint.get("/supervised/<key>")
async def supervised_seen(key: str) -> dict[str, int | str]:
    """Say what a job has done."""
    if key not in supervised_jobs:
        raise NotFound("no such job")
    return supervised_jobs[key].seen()


@blueprint.delete("/supervised/<key>")
async def supervised_stop(key: str) -> dict[str, int | str]:
    """Stop a job; one that has ended stays as it is."""
    if key not in supervised_jobs:
        raise NotFound("no such job")
    await supervised_jobs[key].stop()
    return supervised_jobs[key].seen()


async def streamed_loop() -> AsyncIterator[str]:
    """Run the loop, and make each of its results a server-sent event."""
    body = LoopBody("/streamed")
    while body.running:
        body.step()
        yield f"data: {body.steps}\n\n"
        await asyncio.sleep(0)


@blueprint.get("/streamed")
async def streamed() -> Response:
    """Send the loop's results to its client as they come, for as long as it is there."""
    # Quart cancels a streamed answer when its client leaves, and after a minute unless told not to.
    response = Response(streamed_loop(), content_type="text/event-stream")
    response.timeout = None
    return response


async def process_job(job: Job) -> None:
    """Run the loop in a process of its own and count its output; a process that fails, fails it."""
    command = (sys.executable, "-m", "quart_impl.process_loop", str(os.getpid()))
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


@blueprint.post("/process")
async def process() -> tuple[dict[str, str], int, dict[str, str]]:
    """Start the loop in a process of its own, and say where to ask for it."""
    if process_jobs.full:
        raise ServiceUnavailable("all processes are taken", retry_after=1)
    key = process_jobs.start(process_job)
    return {"message": "Job started"}, 202, {"Location": f"/process/{key}"}


@blueprint.get("/process")
async def process_list() -> dict[str, str]:
    """Say in what state each job is."""
    return {key: job.state for key, job in process_jobs.items()}


@blueprint.get("/process/<key>")
async def process_seen(key: str) -> dict[str, int | str]:
    """Say what a job has done."""
    if key not in process_jobs:
        raise NotFound("no such job")
    return process_jobs[key].seen()


@blueprint.delete("/process/<key>")
async def process_stop(key: str) -> dict[str, int | str]:
    """Stop a job; one that has ended stays as it is."""
    if key not in process_jobs:
        raise NotFound("no such job")
    await process_jobs[key].stop()
    return process_jobs[key].seen()


async def paced_loop(body: LoopBody) -> None:
    """Run the loop a slice at a time, in turns with all others."""
    async with Pace() as pace:
        while body.running:
            body.step()
            await pace


@blueprint.get("/paced")
async def paced() -> dict[str, int]:
    """Await the loop while everything else goes on, for as long as its client is there."""
    body = LoopBody("/paced")
    loop = asyncio.create_task(paced_loop(body))
    try:
        # Quart cancels a handler whose client has left.
        await asyncio.wait({loop})
    finally:
        body.stop()
    await loop
    return {"steps": body.steps}
