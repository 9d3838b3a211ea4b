"""The remedies in Quart: the same endless loop, with a limit, an owner and an end.

``app.py`` mounts them. To copy one, replace ``body.step()`` by one iteration of your work
and ``body.running`` by your own condition. CONTRACT.md says what each of them promises.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from quart import Blueprint, Response
from werkzeug.exceptions import NotFound, ServiceUnavailable

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
blueprint = Blueprint("remedies", __name__)


@blueprint.while_app_serving
async def lifespan() -> AsyncGenerator[None, None]:
    """Own the jobs: stop all of them when the app shuts down."""
    yield
    await supervised_jobs.stop()
    await process_jobs.stop()


def offloaded_loop(body: LoopBody) -> None:
    """Run the loop in a plain def, until its handler stops the body."""
    while body.running:
        body.step()


@blueprint.get("/offloaded")
async def offloaded() -> dict[str, int]:
    """Await the loop in a thread of a small pool, and stop it when its client disconnects."""
    if free_threads.locked():
        raise ServiceUnavailable("all threads are busy", retry_after=1)
    async with free_threads:
        body = LoopBody("/offloaded")
        done = asyncio.get_running_loop().run_in_executor(threads, offloaded_loop, body)
        try:
            # Quart cancels a handler whose client disconnects.
            await asyncio.wait({done})
        finally:
            body.stop()
        await done
    return {"steps": body.steps}


async def supervised_loop(job: Job) -> None:
    """Run the loop and yield to the event loop in each iteration."""
    body = LoopBody("/supervised")
    while body.running:
        body.step()
        job.steps = body.steps
        await asyncio.sleep(0)


@blueprint.post("/supervised")
async def supervised() -> tuple[dict[str, str], int, dict[str, str]]:
    """Start the loop as a job that the app owns, and return the job's address."""
    if supervised_jobs.full:
        raise ServiceUnavailable("too many jobs are running", retry_after=1)
    key = supervised_jobs.start(supervised_loop)
    return {"message": "Job started"}, 202, {"Location": f"/supervised/{key}"}


@blueprint.get("/supervised")
async def supervised_list() -> dict[str, str]:
    """Return the state of each job."""
    return {key: job.state for key, job in supervised_jobs.items()}


@blueprint.get("/supervised/<key>")
async def supervised_status(key: str) -> dict[str, int | str]:
    """Return what a job has done."""
    if key not in supervised_jobs:
        raise NotFound("no such job")
    return supervised_jobs[key].status()


@blueprint.delete("/supervised/<key>")
async def supervised_stop(key: str) -> dict[str, int | str]:
    """Stop a job, and return what it has done."""
    if key not in supervised_jobs:
        raise NotFound("no such job")
    await supervised_jobs[key].stop()
    return supervised_jobs[key].status()


async def streamed_loop() -> AsyncIterator[str]:
    """Run the loop and yield each result as a server-sent event."""
    body = LoopBody("/streamed")
    while body.running:
        body.step()
        yield f"data: {body.steps}\n\n"
        await asyncio.sleep(0)


@blueprint.get("/streamed")
async def streamed() -> Response:
    """Send each result to the client at once, and stop when the client disconnects."""
    # Quart cancels a streamed response when its client disconnects, and by default after 60 s.
    response = Response(streamed_loop(), content_type="text/event-stream")
    response.timeout = None
    return response


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


@blueprint.post("/process")
async def process() -> tuple[dict[str, str], int, dict[str, str]]:
    """Start the loop in a process of its own, and return its job's address."""
    if process_jobs.full:
        raise ServiceUnavailable("too many processes are running", retry_after=1)
    key = process_jobs.start(process_job)
    return {"message": "Job started"}, 202, {"Location": f"/process/{key}"}


@blueprint.get("/process")
async def process_list() -> dict[str, str]:
    """Return the state of each job."""
    return {key: job.state for key, job in process_jobs.items()}


@blueprint.get("/process/<key>")
async def process_status(key: str) -> dict[str, int | str]:
    """Return what a job has done."""
    if key not in process_jobs:
        raise NotFound("no such job")
    return process_jobs[key].status()


@blueprint.delete("/process/<key>")
async def process_stop(key: str) -> dict[str, int | str]:
    """Stop a job, and return what it has done."""
    if key not in process_jobs:
        raise NotFound("no such job")
    await process_jobs[key].stop()
    return process_jobs[key].status()


async def paced_loop(body: LoopBody) -> None:
    """Run the loop a slice at a time; all paced loops take their slices in turn."""
    async with Pace() as pace:
        while body.running:
            body.step()
            await pace


@blueprint.get("/paced")
async def paced() -> dict[str, int]:
    """Await the loop while other requests are answered, and stop it when its client disconnects."""
    body = LoopBody("/paced")
    loop = asyncio.create_task(paced_loop(body))
    try:
        # Quart cancels a handler whose client disconnects.
        await asyncio.wait({loop})
    finally:
        body.stop()
    await loop
    return {"steps": body.steps}


async def ask_queue(method: Callable[..., T], *arguments: str) -> T:
    """Call a method of the queued jobs in a thread of its own pool: it waits for a database."""
    try:
        return await asyncio.get_running_loop().run_in_executor(queue_threads, method, *arguments)
    except UnavailableError as error:
        raise ServiceUnavailable(str(error), retry_after=1) from error
    except KeyError as error:
        raise NotFound("no such job") from error


@blueprint.post("/queued")
async def queued() -> tuple[dict[str, str], int, dict[str, str]]:
    """Put the loop into a task queue, whose workers outlive the server; return its address."""
    key = await ask_queue(queued_jobs.start)
    return {"message": "Job queued"}, 202, {"Location": f"/queued/{key}"}


@blueprint.get("/queued")
async def queued_list() -> dict[str, str]:
    """Return the state of each job."""
    return await ask_queue(queued_jobs.states)


@blueprint.get("/queued/<key>")
async def queued_status(key: str) -> dict[str, float | int | str]:
    """Return what a job has done, and when it was last seen."""
    return await ask_queue(queued_jobs.status, key)


@blueprint.delete("/queued/<key>")
async def queued_stop(key: str) -> dict[str, float | int | str]:
    """Stop a job, on whichever machine it runs, and return what it has done."""
    return await ask_queue(queued_jobs.stop, key)
