"""What a window shows follows from the order of events, from hand-made ones here."""

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


def seen(*answers: Response | None, **changes: Any) -> Observation:
    """A window in which a loop steps on the event loop, and the probes got these answers."""
    usual = Observation(
        window=BLOCKING,
        judged_at=JUDGED_AT,
        probes=tuple(probe(response) for response in answers),
        jobs=(),
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
        pytest.param(State.ALIVE, seen(ANSWERED, ANSWERED), id="all answered"),
        pytest.param(State.ALIVE, seen(ANSWERED, loops=(), window=IDLE), id="all answered at rest"),
        pytest.param(State.MIXED, seen(ANSWERED, None), id="one answered, one not"),
        pytest.param(State.MIXED, seen(ANSWERED, TOO_LATE), id="one answered too late"),
        pytest.param(State.MIXED, seen(ANSWERED, UNAVAILABLE), id="one answered 503"),
        pytest.param(
            State.MIXED, seen(ANSWERED, None, beats=3), id="one answered, event loop turned"
        ),
        pytest.param(State.FROZEN, seen(None, None), id="none answered, loop on the event loop"),
        pytest.param(
            State.FROZEN,
            seen(None, loops=(IN_A_THREAD, ON_EVENT_LOOP)),
            id="none answered, one of two loops on the event loop",
        ),
        pytest.param(
            State.FROZEN,
            seen(None, loops=(), window=IDLE),
            id="none answered at rest, event loop did not turn",
        ),
        pytest.param(State.STARVED, seen(None, beats=1), id="none answered, event loop turned"),
        pytest.param(
            State.STARVED,
            seen(None, loops=(IN_A_THREAD,)),
            id="no answer, steps in other threads, zero beats: starved, not frozen",
        ),
        pytest.param(
            State.STARVED,
            seen(None, loops=(ENDED, IN_A_THREAD)),
            id="no answer, the loop on the event loop has ended",
        ),
        pytest.param(
            State.STARVED,
            seen(None, loops=(), window=IDLE, beats=1),
            id="none answered at rest, event loop turned",
        ),
        pytest.param(
            State.NOT_RUNNING, seen(ANSWERED, kept_running=False), id="answered without a loop"
        ),
        pytest.param(State.NOT_RUNNING, seen(None, kept_running=False), id="silent without a loop"),
    ],
)
def test_state(state: State, window: Observation) -> None:
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
    assert seen(response).total_answered == counts


def test_answers_are_counted_by_path() -> None:
    window = seen(
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
        pytest.param(Response(at=9.25, status=200), 0.25, id="from due to answer"),
        pytest.param(None, 1.0, id="unanswered: to the judgement"),
        pytest.param(TOO_LATE, 1.0, id="answered too late: to the judgement"),
        pytest.param(UNAVAILABLE, 1.0, id="refused: to the judgement"),
    ],
)
def test_a_wait_is_counted_from_due(response: Response | None, wait: float) -> None:
    assert seen(probes=(probe(response, due=9.0, late=0.125),)).longest_wait == wait


def test_the_longest_wait_is_that_of_the_worst_probe() -> None:
    window = seen(probes=(probe(ANSWERED, due=9.25), probe(ANSWERED, due=8.5), probe(ANSWERED)))
    assert window.longest_wait == 1.0


def test_lateness_is_that_of_the_probe_sent_worst() -> None:
    window = seen(probes=(probe(None), probe(None, late=0.5), probe(None, late=0.25)))
    assert lateness(window.probes) == 0.5


def test_without_probes_nothing_was_late_and_nothing_waited() -> None:
    window = seen()
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
def test_what_is_no_success_was_refused(response: Response, *, refused: bool) -> None:
    assert response.refused is refused
    job = SentRequest("/normal", 8.0, 8.0, response)
    assert seen(jobs=(job, probe(None))).refused == ((response,) if refused else ())


def test_a_jobs_answer_is_that_of_the_first_at_its_path() -> None:
    jobs = (probe(None, "/normal"), probe(MOVED, "/background"), probe(ANSWERED, "/background"))
    window = seen(jobs=jobs)
    assert window.response("/background") is MOVED
    assert window.response("/normal") is window.response("/nowhere") is None


def test_a_loop_has_started_with_its_first_step() -> None:
    assert seen(loops=(ON_EVENT_LOOP, replace(IN_A_THREAD, steps=0), ENDED)).started == 2


def test_the_rate_counts_from_the_first_probe_to_the_judgement() -> None:
    assert seen(probes=(probe(None, due=8.0), probe(None, due=9.5)), steps=500).rate == 250.0


@pytest.mark.parametrize(("number", "place"), [(1, 0), (10, 9), (100, 98), (101, 99), (200, 197)])
def test_the_p99_is_what_99_of_100_do_not_exceed(number: int, place: int) -> None:
    answers = [Response(at=9.0 + n / 1000, status=200) for n in reversed(range(number))]
    assert seen(*answers).p99 == pytest.approx(place / 1000)
