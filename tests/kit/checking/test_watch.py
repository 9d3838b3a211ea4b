"""One window of a check: its probes, its calls, and its observation."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from asgi_liveness.checking.call import Call
from asgi_liveness.checking.observation import CheckObservation
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.served import Address
from asgi_liveness.checking.watch import (
    CALLS,
    INTERVAL,
    LONGEST,
    CheckWindow,
    watch,
)
from asgi_liveness.probing import descriptors
from asgi_liveness.probing.response import SentRequest, lateness
from tests.kit.checking.windows import window

SECONDS = 0.5
PROBE = Call("GET", "/healthz")


@dataclass
class Received:
    """The requests that a server received."""

    lines: list[str] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    open: int = 0
    most: int = 0
    """How many requests of /slow ran at a time, at most."""

    def count(self, line: str) -> int:
        return Counter(self.lines)[line]


STATUS = {"/fails": "500 No", "/gone": "404 No"}
LENGTH = re.compile(rb"(?i)content-length: *(\d+)")


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Address, Received]]:
    """Serve some paths in the event loop of the test."""
    received, over = Received(), asyncio.Event()
    connections: list[asyncio.Task[Any]] = []

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            method, path = head.decode().split()[:2]
            received.lines.append(f"{method} {path}")
            received.requests.append(head + body)
            if path == "/breaks":
                return
            if path == "/hangs":
                await over.wait()
            if path == "/keeps":
                time.sleep(0.2)  # noqa: ASYNC251 (the server shares the event loop of the prober)
            if path == "/slow":
                received.open += 1
                received.most = max(received.most, received.open)
                await asyncio.sleep(0.1)
                received.open -= 1
            size = 99 if path == "/streams" else 5
            first = f"HTTP/1.1 {STATUS.get(path, '200 OK')}\r\nContent-Length: {size}\r\n\r\n"
            writer.write(first.encode() + b"hello" * (method != "HEAD"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        connections.append(task)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await respond(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Address(Options(f"http://127.0.0.1:{port}")), received
    finally:
        server.close()
        over.set()
        await asyncio.gather(*connections)


def watched(
    call: Call | None = None,
    probe: Call = PROBE,
    concurrency: int = 1,
    settle: float = 5.0,
    **ends: Callable[..., bool],
) -> tuple[CheckObservation, Received]:
    async def run() -> tuple[CheckObservation, Received]:
        async with served() as (target, received):
            before = asyncio.all_tasks()
            observation = await watch(
                target, CheckWindow(probe, call, SECONDS, settle, concurrency), **ends
            )
            left = {t for t in asyncio.all_tasks() - before if "serve" not in repr(t)}
            assert not left
            return observation, received

    return asyncio.run(run())


# Probes.


def test_probes_leave_on_schedule_and_are_answered() -> None:
    observation, received = watched()
    assert [probe.due for probe in observation.probes] == pytest.approx(
        [observation.began + tick * INTERVAL for tick in range(10)], rel=0, abs=1e-6
    )
    assert all(probe.sent >= probe.due for probe in observation.probes)
    assert all(probe.response and probe.response.status == 200 for probe in observation.probes)
    assert received.count("GET /healthz") == 10
    assert observation.ended >= observation.probes[-1].due
    assert (observation.calls, observation.first_is_open, observation.died) == ((), False, "")
    assert (observation.heartbeats, observation.samples, observation.ends, observation.threads) == (
        (),
        (),
        (),
        (),
    )


def test_probes_leave_on_schedule_without_any_response() -> None:
    observation, received = watched(probe=Call("GET", "/hangs"), settle=0.1)
    assert received.count("GET /hangs") == len(observation.probes) == 10
    assert all(probe.response is None for probe in observation.probes)
    assert observation.ended >= observation.probes[-1].due + 0.1


def test_a_prober_that_was_blocked_catches_up() -> None:
    observation, _ = watched(Call("POST", "/keeps"))
    after = [probe.sent - probe.due for probe in observation.probes[5:]]
    assert lateness(observation.probes) > 0.05
    assert min(after) < 0.1


def test_a_probe_that_fails_does_not_stop_the_next_ones() -> None:
    observation, received = watched(probe=Call("GET", "/breaks"))
    assert received.count("GET /breaks") == 10
    assert all(probe.response and probe.response.error for probe in observation.probes)


def test_a_window_has_at_least_one_probe() -> None:
    async def run() -> CheckObservation:
        async with served() as (target, _):
            return await watch(target, CheckWindow(PROBE, None, 0.001, 0.2))

    assert len(asyncio.run(run()).probes) == 1


@pytest.mark.parametrize(("decided_after", "times"), [(1, 1), (2, 2), (9, LONGEST)])
def test_a_window_goes_on_while_it_is_undecided(decided_after: int, times: int) -> None:
    looks: list[CheckObservation] = []

    def undecided(observation: CheckObservation) -> bool:
        looks.append(observation)
        return len(looks) < decided_after

    observation, received = watched(undecided=undecided)
    assert observation.times == times
    assert received.count("GET /healthz") == times * 10
    assert [probe.due for probe in observation.probes] == pytest.approx(
        [observation.began + tick * INTERVAL for tick in range(times * 10)], rel=0, abs=1e-6
    )


def test_a_window_is_closed_early_once_its_verdict_is_certain() -> None:
    left: list[float] = []

    def certain(observation: CheckObservation, seconds: float) -> bool:
        assert observation.first_is_open
        assert observation.ended - observation.began > seconds
        left.append(seconds)
        return len(left) > 2

    call = Call("GET", "/hangs")
    observation, _ = watched(call, settle=0.1, undecided=lambda _: True, certain=certain)
    assert (observation.early, observation.times, len(left)) == (True, 1, 3)
    assert left == sorted(left, reverse=True)
    assert len(observation.probes) < SECONDS / INTERVAL


def test_an_idle_window_is_never_closed_early() -> None:
    observation, _ = watched(certain=lambda *_: True)
    assert not observation.early
    assert len(observation.probes) == SECONDS / INTERVAL


def test_a_window_is_silent_if_its_last_probe_is_not_answered() -> None:
    assert not window().silent
    assert not window((None, 0.1)).silent
    assert window((0.1, None)).silent
    assert window(()).silent


def test_the_lateness_of_a_prober_is_that_of_its_latest_probe() -> None:
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
def test_a_get_or_head_call_is_repeated(method: str) -> None:
    observation, received = watched(Call(method, "/report"))
    assert 2 <= received.count(f"{method} /report") <= CALLS
    assert all(call.response and call.response.status == 200 for call in observation.calls[:2])
    pauses = [
        b.sent - a.sent for a, b in zip(observation.calls, observation.calls[1:], strict=False)
    ]
    assert min(pauses) >= SECONDS / CALLS * 0.9


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_any_other_call_is_sent_once(method: str) -> None:
    observation, received = watched(Call(method, "/report"))
    assert received.count(f"{method} /report") == len(observation.calls) == 1
    assert not observation.first_is_open


def test_a_call_without_a_response_is_not_repeated() -> None:
    observation, received = watched(Call("GET", "/breaks"))
    assert received.count("GET /breaks") == 1
    assert observation.calls[0].response
    assert observation.calls[0].response.error


def test_a_call_with_an_error_status_is_repeated() -> None:
    observation, _ = watched(Call("GET", "/fails"))
    assert len(observation.calls) > 1
    assert all(call.response.status == 500 for call in observation.calls if call.response)


@pytest.mark.parametrize(("path", "responded"), [("/hangs", False), ("/streams", True)])
def test_a_call_that_does_not_end_is_open_at_the_end(path: str, *, responded: bool) -> None:
    observation, received = watched(Call("GET", path))
    assert observation.first_is_open
    assert received.count(f"GET {path}") == 1
    assert (observation.calls[0].response is not None) is responded
    assert all(probe.response for probe in observation.probes)


def test_concurrency_limits_the_calls_that_run_at_a_time() -> None:
    observation, received = watched(Call("GET", "/slow"), concurrency=3)
    assert received.most == 3
    assert len(observation.calls) > 3
    once, received = watched(Call("POST", "/slow"), concurrency=3)
    assert (received.most, len(once.calls)) == (3, 3)


def test_probes_under_way_are_bounded_by_the_limit_on_open_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(descriptors, "_RESERVE", 1 << 30)
    observation, received = watched(probe=Call("GET", "/hangs"), settle=0.1)
    assert len(observation.probes) == received.count("GET /hangs") == descriptors._LEAST
    assert observation.unsent == round(SECONDS / INTERVAL) - descriptors._LEAST


def test_headers_and_body_go_with_the_call_and_not_with_probes() -> None:
    call = Call("POST", "/report", (("X-Token", "t0p"), ("X-Token", "two")), b"\xffbody")
    observation, received = watched(call)
    (request,) = [each for each in received.requests if each.startswith(b"POST")]
    assert b"x-token: t0p\r\nx-token: two\r\n" in request.lower()
    assert request.endswith(b"\r\n\r\n\xffbody")
    probes = [each for each in received.requests if each.startswith(b"GET")]
    assert len(probes) == len(observation.probes)
    assert not any(b"x-token" in each.lower() or b"body" in each for each in probes)
