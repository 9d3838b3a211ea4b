"""A window ends what it starts, whatever the app does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from asgi_liveness.conformance import load as jobs_module
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
from asgi_liveness.conformance.window import FEWEST, watch
from asgi_liveness.errors import RouteMissing
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS

OF = {remedy.name: remedy for remedy in REMEDIES}


@pytest.fixture(scope="module", params=SERVERS, ids=lambda kind: kind.name)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that all windows of a module share: each of them ends what it starts."""
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


def watched(server: Server, window: Window) -> Observation:
    """Watch the window; nothing of it runs on."""
    seen = asyncio.run(watch(server, window))
    assert seen.recovered
    assert all(loop.ended for loop in server.ledger.loops())
    return seen


@pytest.mark.servers
def test_a_frozen_window_is_judged_before_the_stop_and_thaws_after(
    server: Server, frozen: Observation
) -> None:
    assert (frozen.state, frozen.beats, frozen.total_answered) == (State.FROZEN, 0, 0)
    assert frozen.steps > 0
    assert frozen.recovered
    answers = [probe.response for probe in frozen.probes]
    assert all(one and one.status == 200 and one.at > frozen.judged_at for one in answers)
    assert all(loop.ended for loop in server.ledger.loops())


@pytest.mark.servers
def test_probes_leave_on_schedule_though_none_is_answered(frozen: Observation) -> None:
    assert len(frozen.probes) == BLOCKING.probes * len(BLOCKING.paths)
    assert all(probe.sent < frozen.judged_at for probe in frozen.probes)
    due = sorted({probe.due for probe in frozen.probes})
    gaps = [round(after - before, 6) for before, after in pairwise(due)]
    assert gaps == [BLOCKING.interval] * (BLOCKING.probes - 1)


@pytest.mark.servers
def test_a_living_window_is_judged_while_its_loop_runs(server: Server) -> None:
    seen = watched(server, BACKGROUND)
    assert seen.state is State.ALIVE
    assert [loop.ended for loop in seen.loops] == [False]


@pytest.mark.servers
def test_on_one_connection_means_one(server: Server) -> None:
    seen = watched(server, replace(SAME_CONNECTION, probes=3))
    requests = (*seen.jobs, *seen.probes)
    assert len({one.response and one.response.connection for one in requests}) == 1


@pytest.mark.servers
def test_a_loop_born_after_the_stop_is_stopped_as_well(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The second job's request waits for the end of the freeze that the first one makes, and a
    # first step of it is waited for in vain.
    monkeypatch.setattr(jobs_module, "LIMIT", 2.0)
    seen = watched(server, Window("both", ("/blocking", "/cooperative"), State.FROZEN))
    assert seen.state is State.NOT_RUNNING
    assert [loop.route for loop in seen.loops] == ["/blocking"]
    assert [loop.route for loop in server.ledger.loops()[-2:]] == ["/blocking", "/cooperative"]
    assert watched(server, IDLE).state is State.ALIVE


@pytest.mark.servers
def test_a_missing_route_is_named(server: Server) -> None:
    with pytest.raises(RouteMissing, match="GET /offloaded answered 404"):
        asyncio.run(watch(server, Window("x", ("/offloaded",), State.ALIVE)))


# What the promises ask for.


@pytest.mark.servers
def test_of_many_started_at_once_some_may_be_refused(remedies: Server) -> None:
    seen = watched(remedies, Window("ten", ("/offloaded",) * 10, State.ALIVE, at_once=True))
    assert (seen.state, seen.started, len(seen.jobs)) == (State.ALIVE, 8, 10)
    assert [(one.status, one.retry_after) for one in seen.refused] == [(503, "1")] * 2


@pytest.mark.servers
def test_of_jobs_that_were_accepted_each_is_waited_for(remedies: Server) -> None:
    seen = watched(remedies, Window("three", ("/process",) * 3, State.ALIVE, at_once=True))
    assert (seen.state, seen.started, seen.refused) == (State.ALIVE, 3, ())
    assert not any(loop.in_app for loop in seen.loops)
    assert {one.response and one.response.status for one in seen.jobs} == {202}


@pytest.mark.servers
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("cooperative", []),
        ("streamed", []),
        ("supervised", ["GET", "DELETE", "DELETE again"]),
        ("process", ["GET", "DELETE", "DELETE again"]),
    ],
)
def test_who_leaves_is_seen_until_the_loop_has_ended(
    name: str, told: list[str], remedies: Server
) -> None:
    window = leaves(OF[name])
    seen = watched(remedies, window)
    assert seen.state is State.ALIVE
    assert list(seen.told) == told
    assert all(response.status == 200 for response in seen.told.values())
    assert [loop.ended for loop in seen.loops] == [True]
    assert seen.ended_after is not None
    assert FEWEST <= len(seen.probes) <= window.probes


@pytest.mark.servers
def test_a_loop_that_does_not_end_has_no_time_of_its_end(server: Server) -> None:
    window = Window("left", ("/background",), State.ALIVE, ("/hello",), then=Then.LEAVE)
    seen = watched(server, window)
    assert seen.ended_after is None
    assert [loop.ended for loop in seen.loops] == [False]
    assert len(seen.probes) == window.probes


@pytest.mark.servers
@pytest.mark.parametrize(
    ("name", "told"), [("cooperative", ["before"]), ("supervised", ["before", "again"])]
)
def test_a_loop_is_made_to_fail_and_its_own_log_is_read(
    name: str, told: list[str], remedies: Server
) -> None:
    for _ in range(2):
        seen = watched(remedies, errors(OF[name]))
        assert seen.state is State.ALIVE
        assert seen.log.count("Traceback (most recent call last)") == 1
        assert "LoopFailure" in seen.log
        assert list(seen.told) == told
        own = {job.response.connection for job in seen.jobs if job.response}
        others = {probe.response.connection for probe in seen.probes if probe.response}
        assert len(own) == len(others) == 1
        assert own != others == {seen.told["before"].connection}
