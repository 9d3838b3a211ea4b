"""A job runs its loop, can be stopped and says how it ended; its file can be copied out."""

from __future__ import annotations

import ast
import asyncio
import contextvars
import sys
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from asgi_liveness import jobs
from asgi_liveness.jobs import Job, Jobs

MOST = 2


async def endless(job: Job) -> None:
    while True:
        job.steps += 1
        await asyncio.sleep(0)


async def short(job: Job) -> None:
    job.steps = 1


async def failing(job: Job) -> None:
    job.steps = 3
    raise ValueError("no such file")


def run(test: Callable[[Jobs], Awaitable[None]]) -> None:
    async def main() -> None:
        started = Jobs(MOST)
        try:
            await test(started)
        finally:
            await started.stop()

    asyncio.run(main())


def test_job_that_runs_is_stopped() -> None:
    async def test(started: Jobs) -> None:
        job = started[started.start(endless)]
        while job.steps < 3:  # noqa: ASYNC110 (it yields, as the loop does)
            await asyncio.sleep(0)
        assert (job.state, job.error) == ("running", "")
        await job.stop()
        assert job.status() == {"steps": job.steps, "state": "stopped", "error": ""}
        await job.stop()
        assert job.state == "stopped"

    run(test)


def test_job_that_ended_stays_as_it_is() -> None:
    async def test(started: Jobs) -> None:
        job = started[started.start(short)]
        await job.task
        await job.stop()
        assert job.status() == {"steps": 1, "state": "ended", "error": ""}

    run(test)


def test_job_that_fails_is_logged_and_keeps_its_error(caplog: pytest.LogCaptureFixture) -> None:
    async def test(started: Jobs) -> None:
        job = started[started.start(failing)]
        await job.task
        assert job.status() == {"steps": 3, "state": "failed", "error": "no such file"}

    run(test)
    (record,) = caplog.records
    assert (record.name, record.message) == ("asgi_liveness.jobs", "a job failed")
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)


def test_second_stop_does_not_interrupt_the_clean_up() -> None:
    cleaned = list[str]()

    async def loop(_: Job) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            cleaned.append("up")

    async def test(started: Jobs) -> None:
        job = started[started.start(loop)]
        await asyncio.sleep(0)
        await asyncio.gather(job.stop(), job.stop())
        assert (cleaned, job.state) == (["up"], "stopped")

    run(test)


def test_full_jobs_have_room_again_when_one_ends() -> None:
    async def test(started: Jobs) -> None:
        keys = [started.start(endless) for _ in range(MOST)]
        assert started.full
        await started[keys[0]].stop()
        assert not started.full

    run(test)


def test_oldest_ended_jobs_are_forgotten() -> None:
    async def test(started: Jobs) -> None:
        running = started.start(endless)
        keys = []
        for _ in range(MOST + 2):
            keys.append(started.start(short))
            await started[keys[-1]].task
        last = started.start(short)
        assert list(started) == [running, *keys[-MOST:], last]

    run(test)


def test_stop_ends_all_jobs() -> None:
    async def test(started: Jobs) -> None:
        for _ in range(MOST):
            started.start(endless)
        await asyncio.sleep(0)
        await started.stop()
        assert [job.state for job in started.values()] == ["stopped"] * MOST

    run(test)


def test_job_does_not_keep_the_context_of_its_request() -> None:
    class Request: ...

    variable = contextvars.ContextVar[Request]("request")

    async def handler(started: Jobs, kept: list[weakref.ref[Request]]) -> None:
        request = Request()
        variable.set(request)
        kept.append(weakref.ref(request))
        started.start(endless)

    async def test(started: Jobs) -> None:
        kept = list[weakref.ref[Request]]()
        await asyncio.create_task(handler(started, kept))
        await asyncio.sleep(0)
        assert kept[0]() is None

    run(test)


def test_file_imports_only_the_standard_library() -> None:
    tree = ast.parse(Path(jobs.__file__).read_text())
    names = [n.name for node in ast.walk(tree) if isinstance(node, ast.Import) for n in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names
