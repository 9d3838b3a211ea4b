"""The remedies at their limits: a thousand jobs, bad input, killed processes, streams, shutdown.

The order of events judges; a time limit only ends a test that hangs.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import select
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS, ServerKind
from tests.columns.client import (
    REFUSED,
    ask,
    begin,
    probing,
    reading,
)
from tests.waiting import until
from tools.comparison import FRAMEWORKS

pytestmark = pytest.mark.servers

JOBS = 1000
CLIENTS = 50
UVICORN, _, HYPERCORN = SERVERS
each_column = pytest.mark.parametrize("target", FRAMEWORKS.values(), ids=FRAMEWORKS)


@contextmanager
def serving(target: str, kind: ServerKind = UVICORN, **how: Any) -> Iterator[Server]:
    with Server(kind, target, **how) as server:
        asyncio.run(server.ready())
        yield server


@pytest.fixture(scope="module", params=list(FRAMEWORKS.values()), ids=list(FRAMEWORKS))
def served(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One server for all tests that leave no loop behind and do not end it."""
    with serving(request.param) as server:
        yield server


def steps(server: Server) -> list[int]:
    """Return the steps of each loop that runs."""
    return [loop.steps for loop in server.ledger.loops() if not loop.ended]


def run(server: Server, number: int) -> None:
    """Wait until *number* loops run and each of them has made one more step."""
    until(lambda: len(steps(server)) == number)
    before = steps(server)
    until(lambda: all(now > then for now, then in zip(steps(server), before, strict=True)))


def told(pid: int, name: str) -> int:
    """Return a number that the system keeps of a process."""
    return int(Path(f"/proc/{pid}/status").read_text().partition(f"{name}:")[2].split()[0])


def process_loops(server: Server) -> list[int]:
    """Return the processes that /process started."""
    found = []
    for pid in server.group.members():
        with contextlib.suppress(OSError):
            found += [pid] * (b"process_loop" in Path(f"/proc/{pid}/cmdline").read_bytes())
    return found


def start_and_stop_all(server: Server, pool: ThreadPoolExecutor, probes: list[int]) -> int:
    """Let all jobs run at once; return the memory that the server used then."""
    first, seen = server.ledger.taken, [len(probes)]
    jobs = list(pool.map(lambda _: ask(server, "POST", "/supervised"), range(JOBS)))
    assert {job.status for job in jobs} == {202}
    seen.append(len(probes))
    assert ask(server, "POST", "/supervised")[:3] == REFUSED
    run(server, JOBS)
    states: dict[str, str] = ask(server, "GET", "/supervised").body
    assert {states[job.location.rpartition("/")[2]] for job in jobs} == {"running"}
    until(lambda: len(probes) > seen[-1] + 1)
    peak = told(server.pid, "RssAnon")
    seen.append(len(probes))
    stopped = list(pool.map(lambda job: ask(server, "DELETE", job.location).body, jobs))
    seen.append(len(probes))
    # The first probe of each part may have left before the part began.
    assert all(after > before + 1 for before, after in itertools.pairwise(seen))
    assert {job["state"] for job in stopped} == {"stopped"}
    until(lambda: not steps(server))
    made = sum(loop.steps for loop in server.ledger.loops(first))
    assert sum(job["steps"] for job in stopped) == made
    assert set(ask(server, "GET", "/supervised").body.values()) == {"stopped"}
    return peak


@each_column
def test_thousand_jobs_run_at_once_and_leave_nothing(target: str) -> None:
    def start_and_stop(_: int) -> None:
        ask(server, "DELETE", ask(server, "POST", "/supervised").location)

    with (
        serving(target) as server,
        ThreadPoolExecutor(CLIENTS) as pool,
        probing(server) as probes,
    ):
        before = told(server.pid, "RssAnon")  # the ledger's pages do not count as the app's
        # The app remembers JOBS ended jobs: let it have that many before both rounds.
        list(pool.map(start_and_stop, range(JOBS)))
        peak = start_and_stop_all(server, pool, probes)
        after = told(server.pid, "RssAnon")
        start_and_stop_all(server, pool, probes)
        # CPython returns little memory to the system: it is free if the next round needs no more.
        assert told(server.pid, "RssAnon") - after < (peak - before) / 4


@pytest.mark.parametrize("path", ["/supervised", "/process"])
def test_unknown_or_stopped_job_has_the_right_response(served: Server, path: str) -> None:
    assert ask(served, "GET", f"{path}/unknown").status == 404
    assert ask(served, "DELETE", f"{path}/unknown").status == 404
    job = ask(served, "POST", path).location
    run(served, 1)
    stopped = ask(served, "DELETE", job)
    assert (stopped.status, stopped.body["state"]) == (200, "stopped")
    assert ask(served, "DELETE", job) == ask(served, "GET", job) == stopped
    until(lambda: not steps(served))


def test_full_thread_pool_refuses_until_a_client_disconnects(served: Server) -> None:
    def has_room() -> bool:
        """Whether the pool takes one more request, which then disconnects."""
        before = served.ledger.taken
        with begin(served, "/offloaded") as client:
            until(lambda: served.ledger.taken > before or any(select.select([client], [], [], 0)))
        return served.ledger.taken > before

    with contextlib.ExitStack() as clients:
        for number in range(1, 9):
            client = clients.enter_context(begin(served, "/offloaded"))
            run(served, number)
        assert ask(served, "GET", "/offloaded")[:3] == REFUSED
        run(served, 8)
        client.close()
        until(has_room)
        run(served, 7)
    until(lambda: not steps(served))


def test_killed_process_makes_room_in_a_full_pool(served: Server) -> None:
    jobs = [ask(served, "POST", "/process").location for _ in range(8)]
    assert all(jobs)
    assert ask(served, "POST", "/process")[:3] == REFUSED
    run(served, 8)
    os.kill(process_loops(served)[0], signal.SIGKILL)
    until(lambda: "failed" in ask(served, "GET", "/process").body.values())
    (failed,) = (job for job in jobs if ask(served, "GET", job).body["state"] == "failed")
    assert "ended with -9" in ask(served, "GET", failed).body["error"]
    assert ask(served, "GET", "/hello").status == 200
    jobs.append(ask(served, "POST", "/process").location)
    assert ask(served, "POST", "/process")[:3] == REFUSED
    states = Counter(ask(served, "DELETE", job).body["state"] for job in jobs)
    assert states == {"stopped": 8, "failed": 1}
    assert not process_loops(served)


@pytest.mark.parametrize("kind", [UVICORN, HYPERCORN], ids=lambda kind: kind.name)
@each_column
def test_no_process_outlives_the_server(target: str, kind: ServerKind) -> None:
    with serving(target, kind) as server:
        for number in (1, 2):
            ask(server, "POST", "/process")
            run(server, number)
        (app,) = {told(pid, "PPid") for pid in process_loops(server)}
        assert (app == server.pid) == (kind == UVICORN)
        os.kill(app, signal.SIGKILL)
        until(lambda: not process_loops(server))


def test_stream_outlives_the_response_timeout() -> None:
    with serving("tests.apps.impatient:app") as server, reading(server, "/streamed") as streamed:
        run(server, 1)
        with reading(server, "/plain") as plain:
            until(plain.done)
        run(server, 1)
        assert [loop.route for loop in server.ledger.loops() if loop.ended] == ["/plain"]
        assert not streamed.done()


def test_stream_delays_the_exit_of_uvicorn_without_a_limit() -> None:
    for recommended in (False, True):
        with (
            serving(FRAMEWORKS["starlette"], recommended=recommended) as server,
            reading(server, "/streamed"),
        ):
            run(server, 1)
            os.kill(server.pid, signal.SIGTERM)
            if not recommended:
                until(lambda: "Waiting for connections to close" in server.log())
                run(server, 1)
                assert not server.ended
                server.ledger.stop()
            until(lambda: server.ended)
