"""The state of a window follows from the order of events, which these tests make by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from asgi_liveness.conformance.contract import BLOCKING, IDLE, State
from asgi_liveness.conformance.observation import Observation
from asgi_liveness.inside.ledger import Loop
from asgi_liveness.probing.response import Response, SentRequest, lateness

JUDGED_AT = 10.0
ON_EVENT_LOOP = Loop("/blocking", "app.py:1", 5, ended=False, on_event_loop=True, in_app=True)
IN_A_THREAD = replace(ON_EVENT_LOOP, on_event_loop=False)
ENDED = replace(ON_EVENT_LOOP, ended=True)

ANSWERED = Response(at=9.5, status=200)
AT_THE_MOMENT = Response(at=JUDGED_AT, status=200)
TOO_LATE = Response(at=10.001, status=200)
UNAVAILABLE = Response(at=9.5, status=503)
MOVED = Response(at=9.5, status=307)
BROKEN = Response(at=9.5, error="ReadError")


def probe(
    response: Response | None, path: str = "/hello", due: float = 9.0, late: float = 0
) -> SentRequest:
    return SentRequest(path, due, due + late, response)


def observed(*responses: Response | None, **changes: Any) -> Observation:
    """Return a window in which a loop steps on the event loop and the probes got *responses*."""
    usual = Observation(
        window=BLOCKING,
        judged_at=JUDGED_AT,
        probes=tuple(probe(response) for response in responses),
        load=(),
        loops=(ON_EVENT_LOOP,),
        steps=5,
        kept_running=True,
        beats=0,
        recovered=True,
    )
    return replace(usual, **changes)


@pytest.mark.parametrize(
    ("state", "window"),
    [
        pytest.param(State.ALIVE, observed(ANSWERED, ANSWERED), id="all answered"),
        pytest.param(
            State.ALIVE, observed(ANSWERED, loops=(), window=IDLE), id="all answered while idle"
        ),
        pytest.param(State.MIXED, observed(ANSWERED, None), id="one answered, one not"),
        pytest.param(State.MIXED, observed(ANSWERED, TOO_LATE), id="one answered too late"),
        pytest.param(State.MIXED, observed(ANSWERED, UNAVAILABLE), id="one answered 503"),
        pytest.param(State.MIXED, observed(ANSWERED, None, beats=3), id="one answered, heartbeats"),
        pytest.param(
            State.FROZEN, observed(None, None), id="none answered, loop on the event loop"
        ),
        pytest.param(
            State.FROZEN,
            observed(None, loops=(IN_A_THREAD, ON_EVENT_LOOP)),
            id="none answered, one of two loops on the event loop",
        ),
        pytest.param(
            State.FROZEN,
            observed(None, loops=(), window=IDLE),
            id="none answered while idle, no heartbeat",
        ),
        pytest.param(State.STARVED, observed(None, beats=1), id="none answered, heartbeats"),
        pytest.param(
            State.STARVED,
            observed(None, loops=(IN_A_THREAD,)),
            id="none answered, steps in other threads, no heartbeat: starved, not frozen",
        ),
        pytest.param(
            State.STARVED,
            observed(None, loops=(ENDED, IN_A_THREAD)),
            id="none answered, the loop on the event loop has ended",
        ),
        pytest.param(
            State.STARVED,
            observed(None, loops=(), window=IDLE, beats=1),
            id="none answered while idle, heartbeats",
        ),
        pytest.param(
            State.NOT_RUNNING, observed(ANSWERED, kept_running=False), id="answered without a loop"
        ),
        pytest.param(
            State.NOT_RUNNING, observed(None, kept_running=False), id="silent without a loop"
        ),
    ],
)
def test_a_window_shows_its_state(state: State, window: Observation) -> None:
    assert window.state is state


@pytest.mark.parametrize(
    ("response", "counts"),
    [
        pytest.param(ANSWERED, True, id="before the judgement"),
        pytest.param(AT_THE_MOMENT, True, id="at the judgement"),
        pytest.param(TOO_LATE, False, id="after the judgement"),
        pytest.param(UNAVAILABLE, False, id="503"),
        pytest.param(MOVED, False, id="307"),
        pytest.param(BROKEN, False, id="an error"),
        pytest.param(None, False, id="nothing"),
    ],
)
def test_only_a_success_before_the_judgement_counts(
    response: Response | None, *, counts: bool
) -> None:
    assert observed(response).total_answered == counts


def test_answered_probes_are_counted_by_path() -> None:
    window = observed(
        probes=(
            probe(ANSWERED, "/hello"),
            probe(ANSWERED, "/hello"),
            probe(ANSWERED, "/hello-sync"),
            probe(None, "/hello-sync"),
        )
    )
    assert window.answered == {"/hello": 2, "/hello-sync": 1}
    assert window.total_answered == 3


@pytest.mark.parametrize(
    ("response", "wait"),
    [
        pytest.param(Response(at=9.25, status=200), 0.25, id="from due time to response"),
        pytest.param(None, 1.0, id="unanswered: to the judgement"),
        pytest.param(TOO_LATE, 1.0, id="answered too late: to the judgement"),
        pytest.param(UNAVAILABLE, 1.0, id="refused: to the judgement"),
    ],
)
def test_a_wait_counts_from_the_due_time(response: Response | None, wait: float) -> None:
    assert observed(probes=(probe(response, due=9.0, late=0.125),)).longest_wait == wait


def test_the_longest_wait_is_that_of_the_worst_probe() -> None:
    window = observed(probes=(probe(ANSWERED, due=9.25), probe(ANSWERED, due=8.5), probe(ANSWERED)))
    assert window.longest_wait == 1.0


def test_lateness_is_that_of_the_probe_sent_latest() -> None:
    window = observed(probes=(probe(None), probe(None, late=0.5), probe(None, late=0.25)))
    assert lateness(window.probes) == 0.5


def test_without_probes_lateness_and_wait_are_zero() -> None:
    window = observed()
    assert (lateness(window.probes), window.longest_wait) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("response", "refused"),
    [
        (Response(at=1.0, status=200), False),
        (Response(at=1.0, status=202), False),
        (MOVED, True),
        (UNAVAILABLE, True),
        (BROKEN, True),
    ],
)
def test_a_response_without_success_counts_as_refused(response: Response, *, refused: bool) -> None:
    assert response.refused is refused
    request = SentRequest("/normal", 8.0, 8.0, response)
    assert observed(load=(request, probe(None))).refused == ((response,) if refused else ())


def test_the_response_at_a_path_is_that_of_its_first_request() -> None:
    load = (probe(None, "/normal"), probe(MOVED, "/background"), probe(ANSWERED, "/background"))
    window = observed(load=load)
    assert window.response("/background") is MOVED
    assert window.response("/normal") is window.response("/nowhere") is None


def test_a_loop_counts_as_started_after_its_first_step() -> None:
    assert observed(loops=(ON_EVENT_LOOP, replace(IN_A_THREAD, steps=0), ENDED)).started == 2


def test_the_rate_counts_from_the_first_probe_to_the_judgement() -> None:
    assert observed(probes=(probe(None, due=8.0), probe(None, due=9.5)), steps=500).rate == 250.0


@pytest.mark.parametrize(("number", "index"), [(1, 0), (10, 9), (100, 98), (101, 99), (200, 197)])
def test_the_p99_is_the_wait_that_99_of_100_do_not_exceed(number: int, index: int) -> None:
    responses = [Response(at=9.0 + n / 1000, status=200) for n in reversed(range(number))]
    assert observed(*responses).p99 == pytest.approx(index / 1000)
