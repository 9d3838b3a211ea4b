"""Measure the queue on Redis and on SQLite: jobs in a second, and the time to start and to stop.

The rule: times are differences on the monotonic clock of one machine, between a request and what
the workers' logs show.
"""

from __future__ import annotations

import json
import os
import platform
import random
import signal
import subprocess
import time
from collections import deque
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.errors import TargetError
from tools.cluster.chaos import WEBS, start
from tools.cluster.clients import Answer, Clients
from tools.cluster.machines import REDIS, Cluster
from tools.cluster.tail import Tail
from tools.comparison import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULT: Final = ROOT / "results" / "cluster.json"
QUEUES: Final = ("Redis", "SQLite")
WORKERS: Final = (1, 2, 3)
WAITING: Final = (0, 1000, 10_000)  # jobs that wait in the queue
THREADS: Final = 4  # of a worker
JOBS: Final = 1000  # short jobs of a round
ROUNDS: Final = 3  # of short jobs
STOPS: Final = 15  # jobs that are stopped for each number of workers and of waiting jobs
POSTERS: Final = 4  # clients that post at once
DIGITS: Final = 5  # after the point, of a recorded number
Rows = list[dict[str, Any]]


def main(queues: Sequence[str]) -> int:
    """Measure these queues and renew their rows of the result."""
    recorded = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    for name in queues:
        for part, measured in (("rates", rates), ("waits", waits)):
            others = [row for row in recorded.get(part, []) if row["queue"] != name]
            rows = [*others, *measured(name)]
            recorded[part] = sorted(rows, key=lambda row: QUEUES.index(row["queue"]))
    recorded["platform"] = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "huey": version("huey"),
        "redis": subprocess.check_output([REDIS, "--version"], text=True).split("v=")[1].split()[0],
    }
    recorded["design"] = {"threads": THREADS, "webs": WEBS, "jobs": JOBS}
    RESULT.write_text(json.dumps(recorded) + "\n")
    return 0


def rates(name: str) -> Rows:
    """Measure how many short jobs the workers run in a second."""
    rows: Rows = []
    for workers in WORKERS:
        rounds = [one_round(name, workers) for _ in range(ROUNDS)]
        ran, posted = ([measured[n] for measured in rounds] for n in range(2))
        rows.append({"queue": name, "workers": workers, "ran": ran, "posted": posted})
        print(rows[-1], flush=True)
    return rows


def one_round(name: str, workers: int) -> tuple[float, float]:
    """Let jobs wait, start workers, and return the jobs run and posted in a second.

    The time runs from when every worker has begun to when one of them has run its last job.
    """
    with Cluster({"short": THREADS}, redis=name == "Redis") as cluster:
        clients = _clients(cluster, "short")
        began = time.monotonic()
        _fill(clients, "short", JOBS)
        posted = JOBS / (time.monotonic() - began)
        for _ in range(workers):
            cluster.add_worker("short")
        tail = Tail(cluster.logs, "short")
        tail.wait(lambda: _ended(tail) == JOBS, "the end of all jobs")
        owners = {event.owner for event in tail.events}
        if len(owners) < workers:
            raise TargetError(f"{len(owners)} of {workers} workers had jobs; set JOBS higher")
        its = [[e.time for e in tail.events if e.owner == owner] for owner in owners]
        first, last = max(map(min, its)), min(map(max, its))
        ends = [e.time for e in tail.events if e.name != "start" and first < e.time < last]
        return round(len(ends) / (last - first), DIGITS), round(posted, DIGITS)


def waits(name: str) -> Rows:
    """Measure the time to start and to stop a job, with endless jobs in all threads."""
    rows: Rows = []
    with Cluster({"endless": THREADS}, redis=name == "Redis") as cluster:
        clients, posted = _clients(cluster, "endless"), 0
        tail = Tail(cluster.logs, "endless")
        for waiting in WAITING:
            for workers in WORKERS:
                busy = workers * THREADS
                for _ in range(workers):
                    cluster.add_worker("endless")
                _fill(clients, "endless", more := max(0, waiting + busy - posted))
                posted += more
                tail.wait(lambda busy=busy: len(tail.running) == busy, f"{busy} jobs that run")  # type: ignore[misc]
                stops = [one_stop(clients, tail, empty=not waiting) for _ in range(STOPS)]
                times = {key: [stop[key] for stop in stops] for key in stops[0]}
                rows.append({"queue": name, "workers": workers, "waiting": waiting, **times})
                print(rows[-1], flush=True)
                for worker in cluster.workers:
                    worker.kill(signal.SIGTERM)
                    worker.end()
                cluster.workers.clear()
    return rows


def one_stop(clients: Clients, tail: Tail, *, empty: bool) -> dict[str, float]:
    """Stop a running job, post another, and list all; return the seconds of each.

    If no job waits, the time to start is from the request to the first step of the job that it
    posts. Else it is from the end of a job to the first step of the next in its thread.
    """
    tail.read()
    key = random.choice(sorted(tail.running))  # noqa: S311 (no secret)
    sent = time.monotonic()
    _check(clients.answer("DELETE", f"/endless/{key}"), HTTPStatus.OK)
    answered = time.monotonic()
    end = tail.find("the end of a job", lambda event: event.key == key and event.time > sent)
    asked = time.monotonic()
    answer = _check(clients.answer("POST", "/endless"), HTTPStatus.ACCEPTED)
    accepted = time.monotonic()
    began = asked if empty else end.time
    following = tail.find(
        "the start of the next job",
        lambda event: (
            event.name == "start"
            and event.time > end.time
            and (not empty or answer.location.endswith(event.key))
        ),
    )
    listing = time.monotonic()
    _check(clients.answer("GET", "/endless"), HTTPStatus.OK)
    times = {
        "list": time.monotonic() - listing,
        "start": following.time - began,
        "stop": end.time - sent,
        "post": accepted - asked,
        "answer": answered - sent,
    }
    return {name: round(seconds, DIGITS) for name, seconds in times.items()}


def _clients(cluster: Cluster, kind: str) -> Clients:
    """Start the web servers and return clients of them."""
    for _ in range(WEBS):
        cluster.add_web()
    for web in cluster.webs:
        web.wait()
    return Clients(lambda: cluster.webs, [kind])


def _fill(clients: Clients, kind: str, jobs: int) -> None:
    """Post jobs until so many are accepted."""
    plan = deque([kind] * jobs)
    for poster in [start(lambda: clients.post(plan)) for _ in range(POSTERS)]:
        poster.join()


def _check(answer: Answer | None, status: HTTPStatus) -> Answer:
    if answer is None or answer.status != status:
        raise TargetError(f"a request was answered with {answer}")
    return answer


def _ended(tail: Tail) -> int:
    return sum(event.name != "start" for event in tail.events)
