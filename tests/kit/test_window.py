"""A window ends what it starts, whatever the app does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise

import pytest

from asgi_liveness.contract import BACKGROUND, BLOCKING, IDLE, Exchange, State, Window
from asgi_liveness.errors import RouteMissing
from asgi_liveness.servers import SERVERS
from asgi_liveness.serving import Server
from asgi_liveness.window import ask, watch


@pytest.fixture(params=SERVERS, ids=lambda kind: kind.name)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(request.param, "tests.bare_app:app") as server:
        asyncio.run(server.ready())
        yield server


def test_a_frozen_window_is_judged_before_the_stop_and_thaws_after(server: Server) -> None:
    seen = asyncio.run(watch(server, BLOCKING))
    assert (seen.state, seen.beats, seen.total_answered) == (State.FROZEN, 0, 0)
    assert seen.steps > 0
    assert seen.recovered
    answers = [probe.answer for probe in seen.probes]
    assert all(answer and answer.status == 200 and answer.at > seen.judged_at for answer in answers)
    assert all(loop.ended for loop in server.ledger.loops())


def test_a_living_window_is_judged_while_its_loop_runs(server: Server) -> None:
    seen = asyncio.run(watch(server, BACKGROUND))
    assert seen.state is State.ALIVE
    assert [loop.ended for loop in seen.loops] == [False]
    assert [loop.ended for loop in server.ledger.loops()] == [True]


def test_probes_leave_on_schedule_though_none_is_answered(server: Server) -> None:
    seen = asyncio.run(watch(server, BLOCKING))
    assert len(seen.probes) == BLOCKING.probes * len(BLOCKING.paths)
    assert all(probe.sent < seen.judged_at for probe in seen.probes)
    due = sorted({probe.due for probe in seen.probes})
    gaps = [round(after - before, 6) for before, after in pairwise(due)]
    assert gaps == [BLOCKING.interval] * (BLOCKING.probes - 1)


def test_a_loop_born_after_the_stop_is_stopped_as_well(server: Server) -> None:
    # The second job's request waits for the end of the freeze that the first one makes.
    seen = asyncio.run(watch(server, Window("both", ("/blocking", "/cooperative"), State.FROZEN)))
    assert seen.state is State.NOT_RUNNING
    assert [loop.route for loop in seen.loops] == ["/blocking"]
    assert seen.recovered
    assert [loop.ended for loop in server.ledger.loops()] == [True, True]
    assert asyncio.run(watch(server, IDLE)).state is State.ALIVE


def test_a_missing_route_is_named(server: Server) -> None:
    with pytest.raises(RouteMissing, match="GET /nowhere answered 404"):
        asyncio.run(watch(server, Window("x", ("/nowhere",), State.ALIVE)))


def test_an_exchange_reads_status_type_and_body(server: Server) -> None:
    answer = asyncio.run(ask(server, Exchange("GET", "/hello")))
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert answer.body == {"Hello": "World"}
    assert asyncio.run(ask(server, Exchange("POST", "/hello"))).status == 405


def test_an_exchange_without_an_answer_says_why(server: Server) -> None:
    server.end()
    answer = asyncio.run(ask(server, Exchange("GET", "/hello")))
    assert answer.status == 0
    assert answer.error.startswith("ConnectError")
