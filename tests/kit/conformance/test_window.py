"""A window ends all the loops that it starts, whatever the app does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from asgi_liveness.conformance import load as load_module
from asgi_liveness.conformance.contract import (
    BACKGROUND,
    BLOCKING,
    IDLE,
    SAME_CONNECTION,
    State,
    Then,
    Window,
)
from asgi_liveness.conformance.observation import Observation
from asgi_liveness.conformance.promises import REMEDIES, errors, leaves
from asgi_liveness.conformance.window import (
    ALIVE_CAP,
    FROZEN_HOLD,
    MIN_PROBES,
    frozen_hold,
    watch,
)
from asgi_liveness.errors import RouteMissing
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS

OF = {remedy.name: remedy for remedy in REMEDIES}


@pytest.fixture(scope="module", params=SERVERS, ids=lambda kind: kind.name)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Start a server that all tests of this module share; each window ends its own loops."""
    with Server(request.param, "examples.bare_asgi:app") as server:
        asyncio.run(server.ready())
        yield server


@pytest.fixture(scope="module")
def frozen(server: Server) -> Observation:
    return asyncio.run(watch(server, BLOCKING))


@pytest.fixture(scope="module")
def remedies() -> Iterator[Server]:
    with Server(SERVERS[0], "tests.apps.bare_remedies:app") as server:
        asyncio.run(server.ready())
        yield server


def observe(server: Server, window: Window) -> Observation:
    """Observe the window, and check that none of its loops still runs."""
    observation = asyncio.run(watch(server, window))
    assert observation.recovered
    assert all(loop.ended for loop in server.ledger.loops())
    return observation


@pytest.mark.servers
def test_a_frozen_window_is_judged_before_the_stop(server: Server, frozen: Observation) -> None:
    assert (frozen.state, frozen.beats, frozen.total_answered) == (State.FROZEN, 0, 0)
    assert frozen.steps > 0
    assert frozen.recovered
    responses = [probe.response for probe in frozen.probes]
    assert all(row and row.status == 200 and row.at > frozen.judged_at for row in responses)
    assert all(loop.ended for loop in server.ledger.loops())


@pytest.mark.servers
def test_probes_leave_on_schedule_without_answers(frozen: Observation) -> None:
    assert len(frozen.probes) == BLOCKING.probes * len(BLOCKING.paths)
    assert all(probe.sent < frozen.judged_at for probe in frozen.probes)
    due = sorted({probe.due for probe in frozen.probes})
    gaps = [round(after - before, 6) for before, after in pairwise(due)]
    assert gaps == [BLOCKING.interval] * (BLOCKING.probes - 1)


@pytest.mark.servers
def test_a_living_window_is_judged_while_its_loop_runs(server: Server) -> None:
    observation = observe(server, BACKGROUND)
    assert observation.state is State.ALIVE
    assert [loop.ended for loop in observation.loops] == [False]


@pytest.mark.servers
def test_a_window_on_one_connection_uses_only_one(server: Server) -> None:
    observation = observe(server, replace(SAME_CONNECTION, probes=3))
    requests = (*observation.load, *observation.probes)
    assert len({request.response and request.response.connection for request in requests}) == 1


@pytest.mark.servers
def test_a_loop_that_starts_after_the_stop_is_stopped_too(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The second request waits for the end of the freeze that the first loop causes, so its first
    # step does not come within the limit.
    monkeypatch.setattr(load_module, "LIMIT", 2.0)
    observation = observe(server, Window("both", ("/blocking", "/cooperative"), State.FROZEN))
    assert observation.state is State.NOT_RUNNING
    assert [loop.route for loop in observation.loops] == ["/blocking"]
    assert [loop.route for loop in server.ledger.loops()[-2:]] == ["/blocking", "/cooperative"]
    assert observe(server, IDLE).state is State.ALIVE


@pytest.mark.servers
def test_a_missing_route_is_named(server: Server) -> None:
    with pytest.raises(RouteMissing, match="GET /offloaded answered 404"):
        asyncio.run(watch(server, Window("x", ("/offloaded",), State.ALIVE)))


# Windows of the promises.


@pytest.mark.servers
def test_requests_at_once_may_be_refused(remedies: Server) -> None:
    observation = observe(remedies, Window("ten", ("/offloaded",) * 10, State.ALIVE, at_once=True))
    assert (observation.state, observation.started, len(observation.load)) == (State.ALIVE, 8, 10)
    assert [(row.status, row.retry_after) for row in observation.refused] == [(503, "1")] * 2


@pytest.mark.servers
def test_the_window_waits_for_each_accepted_job(remedies: Server) -> None:
    observation = observe(remedies, Window("three", ("/process",) * 3, State.ALIVE, at_once=True))
    assert (observation.state, observation.started, observation.refused) == (State.ALIVE, 3, ())
    assert not any(loop.in_app for loop in observation.loops)
    assert {row.response and row.response.status for row in observation.load} == {202}


@pytest.mark.servers
@pytest.mark.parametrize(
    ("name", "followups"),
    [
        ("cooperative", []),
        ("streamed", []),
        ("supervised", ["GET all", "GET", "DELETE", "DELETE again"]),
        ("process", ["GET all", "GET", "DELETE", "DELETE again"]),
    ],
)
def test_a_disconnected_loop_is_observed_until_its_end(
    name: str, followups: list[str], remedies: Server
) -> None:
    window = leaves(OF[name])
    observation = observe(remedies, window)
    assert observation.state is State.ALIVE
    assert list(observation.followups) == followups
    assert all(response.status == 200 for response in observation.followups.values())
    assert [loop.ended for loop in observation.loops] == [True]
    assert observation.ended_after is not None
    assert MIN_PROBES <= len(observation.probes) <= window.probes


@pytest.mark.servers
def test_a_location_at_another_origin_is_not_asked() -> None:
    with Server(SERVERS[0], "tests.apps.bare_remedies:apps.jobs_elsewhere") as server:
        asyncio.run(server.ready())
        observation = observe(server, leaves(OF["supervised"]))
        (request,) = observation.load
        assert request.response
        assert request.response.location.startswith("http://127.0.0.1:9/supervised/")
        assert observation.followups == {}
        assert observation.ended_after is None


@pytest.mark.servers
def test_a_loop_that_does_not_end_has_no_time_of_end(server: Server) -> None:
    window = Window(
        "disconnected", ("/background",), State.ALIVE, ("/hello",), then=Then.DISCONNECT
    )
    observation = observe(server, window)
    assert observation.ended_after is None
    assert [loop.ended for loop in observation.loops] == [False]
    assert len(observation.probes) == window.probes


@pytest.mark.servers
@pytest.mark.parametrize(
    ("name", "followups"), [("cooperative", ["before"]), ("supervised", ["before", "again"])]
)
def test_a_loop_is_made_to_raise_and_its_log_is_read(
    name: str, followups: list[str], remedies: Server
) -> None:
    for _ in range(2):
        observation = observe(remedies, errors(OF[name]))
        assert observation.state is State.ALIVE
        assert observation.log.count("Traceback (most recent call last)") == 1
        assert "LoopFailure" in observation.log
        assert list(observation.followups) == followups
        own = {row.response.connection for row in observation.load if row.response}
        others = {probe.response.connection for probe in observation.probes if probe.response}
        assert len(own) == len(others) == 1
        assert own != others == {observation.followups["before"].connection}


@pytest.mark.parametrize(
    ("idle_wait", "seconds"), [(0.01, FROZEN_HOLD), (0.2, 0.6), (60.0, ALIVE_CAP)]
)
def test_an_app_that_must_freeze_gets_longer_where_the_idle_app_is_slow(
    idle_wait: float, seconds: float
) -> None:
    assert frozen_hold(idle_wait) == pytest.approx(seconds)
