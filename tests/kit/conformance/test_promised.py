"""What the claims of the promises say of hand-made evidence, and what is measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from asgi_liveness.conformance import promises
from asgi_liveness.conformance.cases import CASES
from asgi_liveness.conformance.contract import BLOCKING
from asgi_liveness.conformance.observation import Observation
from asgi_liveness.conformance.promises import (
    AT_ONCE,
    GIL_LIMIT,
    QUIET,
    REMEDIES,
    SHOWN,
    Remedy,
    ShutdownTimes,
)
from asgi_liveness.inside.ledger import Loop
from asgi_liveness.probing.response import Response, SentRequest

CASE = {case.id: case for case in CASES}
OF = {remedy.name: remedy for remedy in REMEDIES}
JUDGED_AT = 10.0
LOOP = Loop("/any", "app.py:7", 5, ended=False, on_event_loop=False, in_app=True)
GONE = Response(at=9.5, status=404)
STEPS = Response(at=9.5, status=200, body={"steps": 5})
REFUSED = Response(at=9.5, status=503, retry_after="1")
LOGGED = "Traceback (most recent call last)\nLoopFailure: from outside"
GOOD_END = ShutdownTimes({"SIGTERM": 0.5, "SIGINT": 0.25}, {"SIGTERM": "", "SIGINT": ""})
STUCK = ShutdownTimes({"SIGTERM": None, "SIGINT": 0.25}, {"SIGTERM": "2 were there", "SIGINT": ""})
STUCK_TWICE = ShutdownTimes(
    {"SIGTERM": None, "SIGINT": None}, {"SIGTERM": "2 were there", "SIGINT": "3"}
)
NOT_GONE = "10 s after SIGTERM not all was gone: 2 were there."


def seen(at: Any, wait: float = 0.001, **changes: Any) -> Observation:
    """A window that is as it should be, the probes of which waited so long."""
    response = Response(at=9.0 + wait, status=200, connection="theirs")
    usual = Observation(
        window=at,
        judged_at=JUDGED_AT,
        probes=(SentRequest("/hello", 9.0, 9.0, response),) * 100,
        jobs=(SentRequest("/any", 8.0, 8.0, Response(at=8.5, status=200, connection="its own")),),
        loops=(LOOP,) * len(at.jobs),
        steps=100,
        kept_running=True,
        beats=5,
        recovered=True,
    )
    return replace(usual, **changes)


def wrong(case: str, *results: Observation | ShutdownTimes) -> str:
    """What the case says is wrong, without its name and its way out."""
    message = CASE[case].judge(*results) or f"{CASE[case].name}: \n  "
    return message.removeprefix(f"{CASE[case].name}: ").rpartition("\n  ")[0]


def beside(remedy: str, wait: float, **changes: Any) -> Observation:
    return seen(promises.gil(OF[remedy]), wait, **changes)


@pytest.mark.parametrize("case", [case for case in CASES if case.promise], ids=lambda case: case.id)
def test_a_loop_that_did_not_run_keeps_no_promise(case: Any) -> None:
    still = [
        GOOD_END
        if isinstance(experiment, promises.Shutdown)
        else seen(experiment, kept_running=False, steps=0)
        for experiment in case.experiments
    ]
    kept = case.judge(*still) is None
    assert kept is (case.promise in ("exits", "defaults"))  # where its first step is waited for


# pool


def many(started: int, *refusals: Response) -> Observation:
    jobs = tuple(SentRequest("/normal", 8.0, 8.0, response) for response in refusals)
    window = promises.pool(OF["normal"])
    return seen(window, loops=(LOOP,) * started, jobs=jobs)


@pytest.mark.parametrize("refused", [0, 1, 56, AT_ONCE - 1])
def test_each_steps_or_was_refused(refused: int) -> None:
    assert wrong("POOL-003", many(AT_ONCE - refused, *[REFUSED] * refused)) == ""


def test_some_wait_for_their_turn() -> None:
    waiting = replace(LOOP, steps=0)
    results = replace(many(40, REFUSED), loops=(LOOP,) * 40 + (waiting,) * 2)
    assert wrong("POOL-003", results) == (
        "of 64 started at once 40 made steps and 1 were refused; 23 wait for their turn, "
        "and 100 of 100 probes of /hello-sync were answered."
    )


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (Response(at=9.5, status=500, retry_after="1"), "500 (Retry-After: 1)."),
        (Response(at=9.5, status=503), "503 (Retry-After: none)."),
        (Response(at=9.5, error="ReadError"), "ReadError (Retry-After: none)."),
    ],
)
def test_a_refusal_is_503_and_says_when_to_come_again(response: Response, said: str) -> None:
    assert wrong("POOL-003", many(AT_ONCE - 1, response)) == (
        "one over capacity must be refused with 503 and Retry-After; it was answered " + said
    )


# leaves


def left(
    remedy: str = "cooperative", told: dict[str, Response] | None = None, *, ended: bool = True
) -> Observation:
    loops = (replace(LOOP, ended=ended),)
    return seen(promises.leaves(OF[remedy]), loops=loops, told=told or {}, ended_after=0.12345)


def test_a_loop_that_goes_on_when_its_client_has_left() -> None:
    assert wrong("LEAVES-002", left()) == ""
    assert wrong("LEAVES-002", left(ended=False)).startswith(
        "its loop went on when its client had left: 100 steps in 1 s in which 100 of 100 probes"
    )


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"GET": STEPS, "DELETE": STEPS, "DELETE again": STEPS}, ""),
        ({"GET": GONE}, "GET of its Location answered 404."),
        ({"GET": STEPS, "DELETE": GONE}, "DELETE of its Location answered 404."),
        ({"DELETE again": GONE}, "DELETE again of its Location answered 404."),
        (
            {"GET": replace(STEPS, body={"steps": "5"})},
            "GET of its Location must tell its `steps`; it told {'steps': '5'}.",
        ),
        (
            {"GET": replace(STEPS, body="five")},
            "GET of its Location must tell its `steps`; it told 'five'.",
        ),
    ],
)
def test_a_job_is_asked_and_told_at_its_location(told: dict[str, Response], said: str) -> None:
    assert wrong("LEAVES-005", left("supervised", told)) == said


def test_it_is_measured_when_the_loop_ended() -> None:
    assert CASE["LEAVES-002"].measured(left()) == {"seconds": 0.1235}
    assert CASE["LEAVES-002"].measured(replace(left(), ended_after=None)) == {"seconds": None}


# exits and defaults


@pytest.mark.parametrize(
    ("control", "ended", "said"),
    [
        (GOOD_END, GOOD_END, ""),
        (GOOD_END, STUCK, NOT_GONE),
        (GOOD_END, STUCK_TWICE, NOT_GONE.replace("SIGTERM", "SIGTERM and after SIGINT")),
        (STUCK, STUCK, "with no loop at all the server did not end by SIGTERM: 2 were there."),
        (STUCK, GOOD_END, "with no loop at all the server did not end by SIGTERM: 2 were there."),
    ],
)
def test_all_is_gone_after_both_signals(
    control: ShutdownTimes, ended: ShutdownTimes, said: str
) -> None:
    assert wrong("EXITS-001", control, ended) == said
    assert CASE["EXITS-001"].measured(control, ended) == ended.seconds


def test_default_settings_are_measured_and_not_judged() -> None:
    assert wrong("DEFAULTS-001", STUCK) == ""
    assert CASE["DEFAULTS-001"].measured(STUCK) == {"SIGTERM": None, "SIGINT": 0.25}


# gil and speed


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.name)
def test_a_wait_beside_many_is_held_against_that_at_rest(remedy: Remedy) -> None:
    case = f"GIL-{REMEDIES.index(remedy) + 1:03}"
    wait = 0.5 / GIL_LIMIT
    at_rest = seen(QUIET, wait)
    just, beyond = beside(remedy.name, 0.5), beside(remedy.name, 0.75)
    assert wrong(case, replace(at_rest, probes=seen(QUIET, wait * 1.01).probes), just) == ""
    assert wrong(case, at_rest, beyond) == (
        f"the p99 of a probe's wait is 750 ms beside 8 loops and {wait * 1000:,.1f} ms at rest; "
        f"it must not be more than {GIL_LIMIT} times as much."
    )


def test_one_slow_probe_in_a_hundred_is_forgiven_and_two_are_not() -> None:
    slow = seen(QUIET, 0.9).probes
    usual = beside("process", 0.001).probes
    at_rest = seen(QUIET, 0.001)
    for number, ratio in ((1, 1.0), (2, 900.0)):
        results = beside("process", 0, probes=slow[:number] + usual[number:])
        measured = CASE["GIL-007"].measured(at_rest, results)
        assert measured == {"ratio": pytest.approx(ratio), "loops": 8}


def test_loops_that_do_not_run_prove_nothing_of_waits() -> None:
    results = beside("process", 0.001, kept_running=False)
    assert "its loop did not keep running" in wrong("GIL-007", seen(QUIET), results)


def test_as_many_loops_as_ran_are_counted() -> None:
    results = beside("normal", 0.001, loops=(LOOP,) * 6)
    assert wrong("GIL-003", seen(QUIET), results) == ""
    assert CASE["GIL-003"].measured(seen(QUIET), results)["loops"] == 6


def test_speed_is_a_part_of_the_bare_loops() -> None:
    bare, half = seen(BLOCKING, steps=400), seen(SHOWN[3], steps=200)
    assert CASE["SPEED-001"].measured(bare, half) == {"ratio": 0.5}
    assert CASE["SPEED-001"].measured(replace(bare, steps=0), half) == {"ratio": None}
    assert wrong("SPEED-001", bare, half) == ""
    assert wrong("SPEED-001", bare, replace(half, steps=0)) == "one of the loops made no step."


# errors


def raised(**changes: Any) -> Observation:
    told = {"before": Response(at=8.9, status=200, connection="theirs")}
    usual = {"loops": (replace(LOOP, ended=True),), "log": LOGGED, "told": told}
    return seen(promises.errors(OF["normal"]), **(usual | changes))


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (raised(), ""),
        (raised(loops=(LOOP,)), "its loop did not raise: does it go on after an exception?"),
        (raised(log=""), "the exception is not in the server's log with its traceback."),
        (
            raised(log="LoopFailure: from outside"),
            "the exception is not in the server's log with its traceback.",
        ),
        (
            raised(told={"before": Response(at=8.9, status=200, connection="an older one")}),
            "a connection that had nothing to do with it was closed.",
        ),
    ],
)
def test_an_exception_is_logged_and_nobody_elses_connection_is_closed(
    results: Observation, said: str
) -> None:
    assert wrong("ERRORS-003", results) == said


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        ("its own", ""),
        ("another", "the connection whose request had long been answered was closed."),
    ],
)
def test_a_connection_whose_request_was_answered_is_alive(connection: str, said: str) -> None:
    again = Response(at=9.9, status=200, connection=connection)
    results = raised()
    assert wrong("ERRORS-003", replace(results, told={**results.told, "again": again})) == said
