"""One window of a check: what is sent, when, and what is kept of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from asgi_liveness.checking.options import Options
from asgi_liveness.checking.served import Address, Served
from asgi_liveness.checking.watch import (
    CALLS,
    INTERVAL,
    Call,
    CheckObservation,
    CheckWindow,
    _CheckRun,
    _lives,
    watch,
)
from asgi_liveness.probing.request import Reading
from asgi_liveness.probing.response import SentRequest, lateness
from asgi_liveness.serving.board import Board, Sample, ThreadStack
from asgi_liveness.stalls.sampler import Sampler
from tests.kit.checking.windows import REPORT, window, write_pulse

SECONDS = 0.5
PROBE = Call("GET", "/healthz")


@dataclass
class Asked:
    """What a server was asked."""

    lines: list[str] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    open: int = 0
    most: int = 0
    """How many requests of /slow were under way at a time."""

    def count(self, path: str) -> int:
        return Counter(self.lines)[path]


STATUS = {"/fails": "500 No", "/gone": "404 No"}
LENGTH = re.compile(rb"(?i)content-length: *(\d+)")


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Address, Asked]]:
    """Serve some paths in this event loop."""
    asked, over = Asked(), asyncio.Event()
    connections: list[asyncio.Task[Any]] = []

    async def response(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            method, path = head.decode().split()[:2]
            asked.lines.append(f"{method} {path}")
            asked.requests.append(head + body)
            if path == "/breaks":
                return
            if path == "/hangs":
                await over.wait()
            if path == "/keeps":
                time.sleep(0.2)  # noqa: ASYNC251 (it serves in the prober's own event loop)
            if path == "/slow":
                asked.open += 1
                asked.most = max(asked.most, asked.open)
                await asyncio.sleep(0.1)
                asked.open -= 1
            size = 99 if path == "/streams" else 5
            first = f"HTTP/1.1 {STATUS.get(path, '200 OK')}\r\nContent-Length: {size}\r\n\r\n"
            writer.write(first.encode() + b"hello" * (method != "HEAD"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        connections.append(task)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await response(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Address(Options(f"http://127.0.0.1:{port}")), asked
    finally:
        server.close()
        over.set()
        await asyncio.gather(*connections)


def watched(
    call: Call | None = None, probe: Call = PROBE, concurrency: int = 1, settle: float = 5.0
) -> tuple[CheckObservation, Asked]:
    async def run() -> tuple[CheckObservation, Asked]:
        async with served() as (target, asked):
            before = asyncio.all_tasks()
            observation = await watch(
                target, CheckWindow(probe, call, SECONDS, settle, concurrency)
            )
            left = {t for t in asyncio.all_tasks() - before if "serve" not in repr(t)}
            assert not left
            return observation, asked

    return asyncio.run(run())


# Probes.


def test_probes_leave_on_schedule_and_are_answered() -> None:
    observation, asked = watched()
    assert [probe.due for probe in observation.probes] == pytest.approx(
        [observation.began + tick * INTERVAL for tick in range(10)], rel=0, abs=1e-6
    )
    assert all(probe.sent >= probe.due for probe in observation.probes)
    assert all(probe.response and probe.response.status == 200 for probe in observation.probes)
    assert asked.count("GET /healthz") == 10
    assert observation.ended >= observation.probes[-1].due
    assert (observation.calls, observation.first_is_open, observation.died) == ((), False, "")
    assert (observation.heartbeats, observation.samples, observation.ends, observation.threads) == (
        (),
        (),
        (),
        (),
    )


def test_probes_leave_though_none_is_answered() -> None:
    observation, asked = watched(probe=Call("GET", "/hangs"), settle=0.1)
    assert asked.count("GET /hangs") == len(observation.probes) == 10
    assert all(probe.response is None for probe in observation.probes)
    assert observation.ended >= observation.probes[-1].due + 0.1


def test_a_prober_that_was_kept_from_its_probes_catches_up() -> None:
    observation, _ = watched(Call("POST", "/keeps"))
    after = [probe.sent - probe.due for probe in observation.probes[5:]]
    assert lateness(observation.probes) > 0.05
    assert min(after) < 0.1


def test_a_probe_that_fails_is_an_error_and_is_probed_again() -> None:
    observation, asked = watched(probe=Call("GET", "/breaks"))
    assert asked.count("GET /breaks") == 10
    assert all(probe.response and probe.response.error for probe in observation.probes)


def test_a_window_has_a_probe_at_the_least() -> None:
    async def run() -> CheckObservation:
        async with served() as (target, _):
            return await watch(target, CheckWindow(PROBE, None, 0.001, 0.2))

    assert len(asyncio.run(run()).probes) == 1


def test_a_window_is_silent_if_its_last_probe_has_no_answer() -> None:
    assert not window().silent
    assert not window((None, 0.1)).silent
    assert window((0.1, None)).silent
    assert window(()).silent


def test_the_prober_says_how_late_it_was() -> None:
    assert lateness(window().probes) == 0.0
    probes = (
        SentRequest("/", 1.0, 1.1, None),
        SentRequest("/", 2.0, 2.3, None),
        SentRequest("/", 3.0, 3.0, None),
    )
    assert lateness(probes) == pytest.approx(0.3)
    assert lateness(()) == 0.0


# Calls.


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_request_that_changes_nothing_is_made_again_and_again(method: str) -> None:
    observation, asked = watched(Call(method, "/report"))
    assert 2 <= asked.count(f"{method} /report") <= CALLS + 2
    assert all(call.response and call.response.status == 200 for call in observation.calls[:2])
    pauses = [
        b.sent - a.sent for a, b in zip(observation.calls, observation.calls[1:], strict=False)
    ]
    assert min(pauses) >= SECONDS / CALLS * 0.9


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_any_other_request_is_made_once(method: str) -> None:
    observation, asked = watched(Call(method, "/report"))
    assert asked.count(f"{method} /report") == len(observation.calls) == 1
    assert not observation.first_is_open


def test_a_request_that_gets_no_answer_is_not_made_again() -> None:
    observation, asked = watched(Call("GET", "/breaks"))
    assert asked.count("GET /breaks") == 1
    assert observation.calls[0].response
    assert observation.calls[0].response.error


def test_a_request_that_answers_badly_is_made_again() -> None:
    observation, _ = watched(Call("GET", "/fails"))
    assert len(observation.calls) > 1
    assert all(call.response.status == 500 for call in observation.calls if call.response)


@pytest.mark.parametrize(("path", "answered"), [("/hangs", False), ("/streams", True)])
def test_a_request_that_does_not_end_is_open_at_the_end(path: str, *, answered: bool) -> None:
    observation, asked = watched(Call("GET", path))
    assert observation.first_is_open
    assert asked.count(f"GET {path}") == 1
    assert (observation.calls[0].response is not None) is answered
    assert all(probe.response for probe in observation.probes)


def test_so_many_are_under_way_at_a_time() -> None:
    observation, asked = watched(Call("GET", "/slow"), concurrency=3)
    assert asked.most == 3
    assert len(observation.calls) > 3
    once, asked = watched(Call("POST", "/slow"), concurrency=3)
    assert (asked.most, len(once.calls)) == (3, 3)


def test_headers_and_body_go_with_the_request_and_not_with_probes() -> None:
    call = Call("POST", "/report", (("X-Token", "t0p"), ("X-Token", "two")), b"\xffbody")
    observation, asked = watched(call)
    (request,) = [one for one in asked.requests if one.startswith(b"POST")]
    assert b"x-token: t0p\r\nx-token: two\r\n" in request.lower()
    assert request.endswith(b"\r\n\r\n\xffbody")
    probes = [one for one in asked.requests if one.startswith(b"GET")]
    assert len(probes) == len(observation.probes)
    assert not any(b"x-token" in one.lower() or b"body" in one for one in probes)


def test_a_call_says_what_it_is_without_what_it_holds() -> None:
    call = Call("POST", "/a?b=c", (("X-Token", "t0p"),), b"body")
    assert str(call) == "POST /a?b=c"
    request = call.request()
    assert (request.method, request.path, request.body) == ("POST", "/a?b=c", b"body")
    assert request.reading is Reading.WITH_RESTS
    assert Call("GET", "/").request().body is None


# What is kept of what was seen from outside.


@dataclass
class Target:
    """A server on a board."""

    ended: bool = False

    def last_words(self) -> str:
        return "bye"


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    made = Board(tmp_path, 0.2)
    yield made
    made.close()


SECOND = 10**9
BEGAN = 100.0


def write(board: Board, process: int, *lines: object) -> None:
    with (board.path.parent / f"samples.{process}.2").open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def kept(
    board: Board,
    serves: set[int],
    change: Callable[[], None] = lambda: None,
    *,
    ended: bool = False,
    **seen: Any,
) -> CheckObservation:
    """What is kept of a window in which *change* happened, and that was *seen* from outside."""
    outside = Sampler(board, serves, lambda: 0.0, refused="ptrace", **seen)
    at_end = _CheckRun(cast("Served", Target(ended)), CheckWindow(PROBE, None, SECONDS, 0.2))
    before = outside.heartbeats()
    change()
    return at_end._observation(BEGAN, outside, before)


def sample(at: float) -> dict[str, Any]:
    frames = [list(REPORT)]
    counted = {"ran": 0, "queued": 0, "slices": 0, "cpu": 0}
    return {"began": 1, "at": int(at * SECOND), **counted, "frames": frames}


def end(at: float) -> dict[str, Any]:
    return {"began": 1, "ended": int(at * SECOND)}


def test_what_was_seen_in_the_window_of_those_who_serve_is_kept(board: Board) -> None:
    me = os.getpid()
    write_pulse(board, PROCESS=me, RUNS=1)
    write(board, me, sample(BEGAN - 1), end(BEGAN - 0.5), sample(BEGAN + 1), end(BEGAN + 2))
    write(board, me + 1, sample(BEGAN + 1), end(BEGAN + 2))
    observation = kept(board, {me})
    assert [one.process for one in observation.heartbeats] == [me]
    assert [(one.process, one.at) for one in observation.samples] == [(me, BEGAN + 1)]
    assert [(one.process, one.ended) for one in observation.ends] == [(me, BEGAN + 2)]
    assert (observation.refused, observation.died) == ("ptrace", "")


def test_what_py_spy_saw_of_who_serves_without_a_watcher_is_kept(board: Board) -> None:
    seen = [
        Sample(process, 1.0, at, (REPORT,)) for process, at in ((7, 101.0), (8, 101.0), (7, 99.0))
    ]
    assert kept(board, {7}, samples=seen).samples == (seen[0],)


def test_a_worker_that_was_started_meanwhile_is_kept_as_well(board: Board) -> None:
    me = os.getpid()
    write(board, me, sample(BEGAN + 1))
    started = kept(board, set(), change=lambda: write_pulse(board, PROCESS=me, RUNS=1))
    assert len(started.samples) == len(started.heartbeats) == 1


def test_a_worker_that_stopped_its_loop_meanwhile_has_left_its_looks(board: Board) -> None:
    me = os.getpid()
    write_pulse(board, PROCESS=me, RUNS=1)
    write(board, me, sample(BEGAN + 1))
    stopped = kept(board, set(), change=lambda: write_pulse(board, RUNS=0))
    assert (len(stopped.samples), stopped.heartbeats, stopped.died) == (1, (), "")


def test_a_server_that_ended_or_a_worker_of_it_that_is_gone_has_died(board: Board) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write_pulse(board, PROCESS=gone.pid, RUNS=1)
    assert kept(board, {gone.pid}).died == "bye"
    write_pulse(board, RUNS=0)
    assert kept(board, set(), ended=True).died == "bye"
    assert kept(board, set()).died == ""


def test_threads_are_those_of_the_last_question(board: Board) -> None:
    main = {"loop": True, "frames": []}
    write(board, 7, {"asked": 1, "threads": [main]}, {"asked": 2, "threads": [main, main]})
    thread = ThreadStack(7, True, ())
    assert kept(board, set(), asked=2).threads == (thread, thread)
    assert kept(board, set(), asked=0).threads == ()


def test_a_question_that_is_not_answered_yet_does_not_hide_the_one_before(board: Board) -> None:
    write(board, 7, {"asked": 1, "threads": [{"loop": True, "frames": []}]})
    assert kept(board, set(), asked=2).threads == (ThreadStack(7, True, ()),)


def test_a_process_lives_until_it_has_ended() -> None:
    assert _lives(os.getpid())
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie, not reaped
    assert not _lives(process.pid)
    process.wait()
    assert not _lives(process.pid)
