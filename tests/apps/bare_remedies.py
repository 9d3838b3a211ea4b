"""The remedies in bare ASGI, on top of the bare app, and variants that are wrong in one way each.

Every loop is a job in one table, and one place keeps a promise for all of them. So a variant is
wrong for all remedies at once. Its row lists the families of cases to run on it, and the exact set
of ids that it fails among them; other families would only take time.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Final

from asgi_liveness import LoopBody
from asgi_liveness.queued import UnavailableError, queued_jobs
from examples import bare_asgi
from examples.bare_asgi import (
    STARTED,
    Message,
    Receive,
    Send,
    answer,
)

JSON: Final = (b"content-type", b"application/json")
RETRY: Final = (b"retry-after", b"1")
Headers = tuple[tuple[bytes, bytes], ...]
EVENTS: Final[Headers] = ((b"content-type", b"text/event-stream"),)
PROCESS: Final = """\
import sys, time
from asgi_liveness import LoopBody
body = LoopBody("/process")
while body.running:
    body.step()
    time.sleep(float(sys.argv[1]))
"""

MAX_LOOPS: Final = 8
"""The limit of running loops of one remedy."""
threads: Final = ThreadPoolExecutor(3 * MAX_LOOPS)


@dataclass(eq=False)
class Job:
    """One loop, and its state for the client."""

    remedy: str
    send: Send
    pause: float
    """Seconds between two steps."""
    steps: int = 0
    task: asyncio.Task[None] = field(init=False)

    async def run(self, loop: Loop, *, log: bool) -> None:
        try:
            await loop(self)
        except asyncio.CancelledError:
            return  # it was stopped; a cancelled task would keep the frame of the loop alive
        except Exception:  # noqa: BLE001 (every exception must be in the log)
            if log:
                traceback.print_exc()

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


Loop = Callable[[Job], Awaitable[None]]


# The ways to run a loop.


def make_steps(job: Job, body: LoopBody) -> None:
    while body.running:
        body.step()
        job.steps = body.steps
        if job.pause:
            time.sleep(job.pause)


async def in_a_thread(job: Job) -> None:
    body = LoopBody(f"/{job.remedy}")
    try:
        await asyncio.get_running_loop().run_in_executor(threads, make_steps, job, body)
    finally:
        body.stop()


async def cooperatively(job: Job) -> None:
    body = LoopBody(f"/{job.remedy}")
    while body.running:
        body.step()
        job.steps = body.steps
        if job.remedy == "streamed":
            event = f"data: {body.steps}\n\n".encode()
            await job.send({"type": "http.response.body", "body": event, "more_body": True})
        await asyncio.sleep(job.pause)


async def streaming(job: Job, headers: Headers = EVENTS) -> None:
    await job.send({"type": "http.response.start", "status": 200, "headers": headers})
    await cooperatively(job)


async def in_a_process(job: Job, stderr: int | None = None) -> None:
    command = (sys.executable, "-c", PROCESS, str(job.pause))
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=stderr
    )
    assert process.stdout is not None
    try:
        while printed := await process.stdout.read(65536):
            job.steps += printed.count(b"\n")
        if await process.wait():
            raise ChildProcessError(f"the process ended with {process.returncode}")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


LOOPS: Final[dict[str, Loop]] = {
    "background": in_a_thread,
    "cooperative": cooperatively,
    "normal": in_a_thread,
    "offloaded": in_a_thread,
    "supervised": cooperatively,
    "streamed": streaming,
    "process": in_a_process,
    "paced": cooperatively,
    "queued": cooperatively,  # in the server, so it is wrong; the right app asks its queue
}
OUTLIVE: Final = ("background", "supervised", "process", "queued")
"""The remedies whose jobs outlive their request."""
JOBS: Final = ("supervised", "process", "queued")
"""The remedies whose jobs have a ``Location``, to read their steps and to stop them."""


class App:
    """The remedies, done right; each argument can break one promise."""

    def __init__(  # noqa: PLR0913 (each breaks another promise)
        self,
        *,
        loops: dict[str, Loop] = LOOPS,
        pause: float = 0,
        refuses: bool = True,
        stops: bool = True,
        logs: bool = True,
        keeps_to_shapes: bool = True,
        origin: str = "",
        has_queue: bool = False,
    ) -> None:
        self.loops, self.pause = loops, pause
        self.keeps_to_shapes, self.origin, self.has_queue = keeps_to_shapes, origin, has_queue
        self.refuses, self.stops, self.logs = refuses, stops, logs
        self.jobs: dict[str, Job] = {}
        self.keys = map(str, itertools.count(1))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.lifespan(receive, send)
            return
        remedy, _, key = scope["path"].lstrip("/").partition("/")
        method = "POST" if remedy in JOBS else "GET"
        if remedy == "queued" and self.has_queue:
            await ask_queue(scope["method"], key, send)
        elif key in self.jobs and scope["method"] in ("GET", "DELETE"):
            job = self.jobs[key]
            if self.stops and scope["method"] == "DELETE":
                await job.stop()
            await answer(send, {"steps": job.steps})
        elif remedy in JOBS and key and not self.keeps_to_shapes:
            await answer(send, {"steps": 0})
        elif remedy in JOBS and not key and scope["method"] == "GET" and self.keeps_to_shapes:
            its_own = {key: job.steps for key, job in self.jobs.items() if job.remedy == remedy}
            await answer(send, its_own)
        elif remedy in LOOPS and not key and scope["method"] == method:
            await self.start(remedy, receive, send)
        else:
            await bare_asgi.app(scope, receive, send)

    async def lifespan(self, receive: Receive, send: Send) -> None:
        """Own the jobs: none of them outlives the app."""
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for job in self.jobs.values() if self.stops else ():
            job.task.cancel()
        await asyncio.gather(*(job.task for job in self.jobs.values()), return_exceptions=True)
        await send({"type": "lifespan.shutdown.complete"})

    async def start(self, remedy: str, receive: Receive, send: Send) -> None:
        while self.running(remedy) >= MAX_LOOPS:
            if self.refuses:
                await answer(send, {"detail": "too many loops"}, 503, (JSON, RETRY))
                return
            await asyncio.sleep(0.01)
        key = next(self.keys)
        job = self.jobs[key] = Job(remedy, send, self.pause)
        job.task = asyncio.create_task(job.run(self.loops[remedy], log=self.logs))
        if remedy in JOBS:
            location = (b"location", f"{self.origin}/{remedy}/{key}".encode())
            status = 202 if self.keeps_to_shapes else 201
            await answer(send, {"message": "Job started"}, status, (JSON, location))
        elif remedy in OUTLIVE:
            await answer(send, STARTED)
        else:
            await self.wait(job, receive)
            if remedy == "streamed":
                await send({"type": "http.response.body"})
            else:
                await answer(send, {"steps": job.steps})

    def running(self, remedy: str) -> int:
        jobs = (job for job in self.jobs.values() if job.remedy == remedy)
        return sum(not job.task.done() for job in jobs)

    async def wait(self, job: Job, receive: Receive) -> None:
        """Wait until the loop ends or its client disconnects, which stops the loop."""
        if not self.stops:
            await asyncio.shield(job.task)
            return
        disconnected = asyncio.create_task(until_disconnect(receive))
        try:
            await asyncio.wait({job.task, disconnected}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            disconnected.cancel()
            await job.stop()


async def until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def ask_queue(method: str, key: str, send: Send) -> None:
    """Ask the queue in a thread, since it waits for a database."""
    methods: dict[str, Callable[..., object]] = {
        "POST": queued_jobs.start,
        "GET": queued_jobs.status if key else queued_jobs.states,
        "DELETE": queued_jobs.stop,
    }
    try:
        found = await asyncio.to_thread(methods[method], *([key] if key else []))
    except UnavailableError as error:
        await answer(send, {"detail": str(error)}, 503, (JSON, RETRY))
    except KeyError:
        await answer(send, {"detail": "no such job"}, 404)
    else:
        location = (b"location", f"/queued/{found}".encode())
        starts = ({"message": "Job queued"}, 202, (JSON, location))
        await answer(send, *(starts if method == "POST" else (found,)))


app: Final = App(has_queue=True)


# Variants, wrong in one way each.


@dataclass(frozen=True)
class Variant:
    """A wrong app, the cases to run on it, and the cases that it fails."""

    families: tuple[str, ...]
    """The families of cases to run on it."""
    fails: frozenset[str]
    message: str
    """A part of the message of a failed case."""


VARIANTS: Final[dict[str, Variant]] = {}
apps: Final = SimpleNamespace()
"""The apps by name, for targets such as ``tests.apps.bare_remedies:apps.queues``."""


def variant(name: str, app: App, message: str, families: str, fails: str = "") -> None:
    """Add an app that fails the cases *fails* of *families*; by default all cases of them."""
    run = tuple(families.split())
    numbers = range(1, len(LOOPS) + 1)
    everything = (f"{family}-{number:03}" for family in run for number in numbers)
    VARIANTS[name] = Variant(run, frozenset(fails.split() or everything), message)
    setattr(apps, name, app)


async def gives_up(job: Job) -> None:
    if job.remedy == "streamed":
        await job.send({"type": "http.response.start", "status": 200, "headers": EVENTS})
    body = LoopBody(f"/{job.remedy}")
    body.step()
    body.stop()
    assert not body.running


async def streaming_as_json(job: Job) -> None:
    await streaming(job, (JSON,))


variant(
    "loops_in_the_wrong_place",
    App(
        loops={
            **LOOPS,
            "offloaded": cooperatively,
            "supervised": gives_up,
            "streamed": streaming_as_json,
            "process": in_a_thread,
            "paced": in_a_thread,
        }
    ),
    "must step in a process of its own, but it steps in the app's",
    "LIVE",
    "LIVE-012 LIVE-013 LIVE-014 LIVE-015 LIVE-016 LIVE-017",
)
variant("queues", App(refuses=False), " hang; ", "POOL")
# Its loops step slowly, since many of them run for seconds while other tests run.
variant("stops_nothing", App(stops=False, pause=0.01), "its loop kept running", "LEAVES EXITS")
# Hand-made observations show that too long waits fail: a real server shows them only by chance.
variant("gives_up", App(loops=dict.fromkeys(LOOPS, gives_up)), "did not keep running", "GIL")
variant(
    "logs_nothing",
    App(
        loops={**LOOPS, "process": partial(in_a_process, stderr=asyncio.subprocess.DEVNULL)},
        logs=False,
    ),
    "the server's log has no traceback",
    "ERRORS",
)
variant(
    "looks_otherwise",
    App(keeps_to_shapes=False),
    "POST /supervised answered 201; it must be 202.",
    "CONT",
    "CONT-007 CONT-008 CONT-009 CONT-010 CONT-011 CONT-012",
)
variant(
    "jobs_elsewhere",
    App(origin="http://127.0.0.1:9"),
    "which is not at the origin of the app; the suite asks no other",
    "CONT",
    "CONT-007 CONT-008 CONT-011",
)
variant(
    "queues_in_the_server",
    App(),
    "the new server does not list the job",
    "OUTLIVES LOST",
    "OUTLIVES-009 LOST-009",
)


async def blocks(job: Job) -> None:
    """Never yield to the event loop."""
    make_steps(job, LoopBody(f"/{job.remedy}"))


apps.a_job_blocks = App(loops={**LOOPS, "supervised": blocks})
