"""The queue on a Redis that is down, hangs or starts again: one clear line, and no job is lost."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from asgi_liveness.queued import ANSWER, SETTING, QueuedJobs, UnavailableError
from asgi_liveness.serving.launched import Launched
from tests.kit.redis_server import PASSWORD, RedisServer, needs_redis, serving_redis
from tests.waiting import until

pytestmark = [pytest.mark.servers, needs_redis]

CLIENTS = 8
SOON = CLIENTS * ANSWER / 2  # seconds; in turn, so many clients would wait for twice as long
WORKER = """\
import logging, time
from asgi_liveness.queued import QueuedJobs

def loop(job):
    while job.running:
        job.steps += 1
        time.sleep(0.01)

logging.basicConfig()
QueuedJobs(loop, most=9).work(1)
"""


@pytest.fixture
def redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    with serving_redis(tmp_path) as redis:
        monkeypatch.setenv(SETTING, redis.url)
        yield redis


@pytest.fixture
def jobs(redis: RedisServer) -> QueuedJobs:  # noqa: ARG001 (its address is in the environment)
    return QueuedJobs(lambda _: None, most=9)


@pytest.fixture
def worker(redis: RedisServer, tmp_path: Path) -> Iterator[Launched]:  # noqa: ARG001 (likewise)
    program = tmp_path / "worker.py"
    program.write_text(WORKER)
    with Launched((sys.executable, str(program), "{port}")) as worker:
        yield worker


def refused(call: Callable[[], object]) -> tuple[str, float]:
    """Return why a call was refused, and after how many seconds."""
    began = time.monotonic()
    with pytest.raises(UnavailableError) as refusal:
        call()
    return str(refusal.value), time.monotonic() - began


def test_redis_that_is_down_is_named_without_its_password(
    jobs: QueuedJobs, redis: RedisServer
) -> None:
    key = jobs.start()
    redis.kill()
    for call in (jobs.start, jobs.states, lambda: jobs.status(key), lambda: jobs.stop(key)):
        reason, seconds = refused(call)
        assert reason.startswith(f"the queue 127.0.0.1:{redis.port} does not answer: ")
        assert "\n" not in reason
        assert PASSWORD not in reason
        assert seconds < SOON


def test_wrong_password_is_refused_and_not_named(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "is-no-password"  # noqa: S105
    monkeypatch.setenv(SETTING, redis.url.replace(PASSWORD, secret))
    reason, _ = refused(QueuedJobs(lambda _: None, most=9).start)
    assert secret not in reason
    assert f"127.0.0.1:{redis.port}" in reason


def test_clients_of_a_redis_that_hangs_wait_at_the_same_time(
    jobs: QueuedJobs, redis: RedisServer
) -> None:
    jobs.start()
    redis.hang()
    with ThreadPoolExecutor(CLIENTS) as clients:
        refusals = [clients.submit(refused, jobs.start) for _ in range(CLIENTS)]
        waits = [refusal.result()[1] for refusal in refusals]
        assert all("does not answer" in refusal.result()[0] for refusal in refusals)
    assert ANSWER <= max(waits) < SOON


@pytest.mark.usefixtures("worker")
def test_job_goes_on_after_redis_was_killed_and_started_again(
    jobs: QueuedJobs, redis: RedisServer
) -> None:
    running = jobs.start()
    until(lambda: jobs.status(running)["steps"])
    waiting = jobs.start()
    redis.kill()
    redis.start()
    before = jobs.status(running)["steps"]
    until(lambda: jobs.status(running)["steps"] > before)
    assert jobs.states() == {running: "running", waiting: "queued"}
    assert jobs.stop(running)["state"] == "stopped"
    until(lambda: jobs.status(waiting)["steps"])
    assert jobs.stop(waiting)["state"] == "stopped"


def test_worker_names_a_redis_that_is_down_without_its_password(
    jobs: QueuedJobs, redis: RedisServer, worker: Launched
) -> None:
    jobs.start()
    until(lambda: "running" in jobs.states().values())
    redis.kill()
    redis.start()
    until(lambda: "running" in jobs.states().values())
    assert "waiting for jobs in 127.0.0.1" in worker.log()
    assert PASSWORD not in worker.log()
