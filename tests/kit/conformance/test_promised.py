"""The claims of the promises judge hand-made observations, and measure their figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from asgi_liveness.conformance import promises
from asgi_liveness.conformance.cases import CASES
from asgi_liveness.conformance.contract import BLOCKING, Window
from asgi_liveness.conformance.endings import Handed, Shutdown, ShutdownTimes
from asgi_liveness.conformance.observation import Observation
from asgi_liveness.conformance.promises import (
    AT_ONCE,
    GIL_CONTROL,
    GIL_LIMIT,
    REMEDIES,
    SHOWN,
    Remedy,
)
from asgi_liveness.inside.ledger import Loop
from asgi_liveness.probing.response import Response, SentRequest
from tests.kit.conformance.made_jobs import STARTED, STEPS, UNKNOWN, job

CASE = {case.id: case for case in CASES}
OF = {remedy.name: remedy for remedy in REMEDIES}
JUDGED_AT = 10.0
LOOP = Loop("/any", "app.py:7", 5, ended=False, on_event_loop=False, in_app=True)
REFUSED = Response(at=9.5, status=503, retry_after="1")
LOGGED = "Traceback (most recent call last)\nLoopFailure: from outside"
GOOD_EXIT = ShutdownTimes({"SIGTERM": 0.5, "SIGINT": 0.25}, {"SIGTERM": "", "SIGINT": ""})
STUCK = ShutdownTimes({"SIGTERM": None, "SIGINT": 0.25}, {"SIGTERM": "2 were left", "SIGINT": ""})
STUCK_TWICE = ShutdownTimes(
    {"SIGTERM": None, "SIGINT": None}, {"SIGTERM": "2 were left", "SIGINT": "3"}
)
WITHOUT_LOOP = "even without a loop the server did not exit after SIGTERM: 2 were left."
STILL_RAN = "10 s after SIGTERM the server still ran: 2 were left."


def observed(window: Any, wait: float = 0.001, **changes: Any) -> Observation:
    """Return a window as it should be, whose probes waited *wait* seconds."""
    response = Response(at=9.0 + wait, status=200, connection="theirs")
    usual = Observation(
        window=window,
        judged_at=JUDGED_AT,
        probes=(SentRequest("/hello", 9.0, 9.0, response),) * 100,
        load=(SentRequest("/any", 8.0, 8.0, Response(at=8.5, status=200, connection="its own")),),
        loops=(LOOP,) * len(window.load),
        steps=100,
        kept_running=True,
        beats=5,
        recovered=True,
    )
    return replace(usual, **changes)


def failure(case: str, *results: Observation | ShutdownTimes | Handed) -> str:
    """Return the failure in the case's message, without its name and its advice."""
    message = CASE[case].judge(*results) or f"{CASE[case].name}: \n  "
    return message.removeprefix(f"{CASE[case].name}: ").rpartition("\n  ")[0]


def together(remedy: str, wait: float, **changes: Any) -> Observation:
    return observed(promises.gil(OF[remedy]), wait, **changes)


@pytest.mark.parametrize("case", [case for case in CASES if case.promise], ids=lambda case: case.id)
def test_a_loop_that_did_not_run_keeps_no_promise(case: Any) -> None:
    results = [
        observed(experiment, kept_running=False, steps=0)
        if isinstance(experiment, Window)
        else GOOD_EXIT
        if isinstance(experiment, Shutdown)
        else Handed((0, 0), "", is_listed=True, is_stopped=True, at_once=0)
        for experiment in case.experiments
    ]
    kept = case.judge(*results) is None
    assert kept is (case.promise in ("exits", "defaults"))  # their shutdowns wait for a first step


# pool


def many(started: int, *refusals: Response) -> Observation:
    load = tuple(SentRequest("/normal", 8.0, 8.0, response) for response in refusals)
    window = promises.pool(OF["normal"])
    return observed(window, loops=(LOOP,) * started, load=load)


@pytest.mark.parametrize("refused", [0, 1, 56, AT_ONCE - 1])
def test_every_loop_runs_or_was_refused(refused: int) -> None:
    assert failure("POOL-003", many(AT_ONCE - refused, *[REFUSED] * refused)) == ""


def test_hanging_requests_fail_the_pool() -> None:
    waiting = replace(LOOP, steps=0)
    results = replace(many(40, REFUSED), loops=(LOOP,) * 40 + (waiting,) * 2)
    assert failure("POOL-003", results) == (
        "of 64 requests sent at once, 40 started a loop, 1 were refused and 23 hang; "
        "100 of 100 probes of /hello-sync were answered."
    )


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (Response(at=9.5, status=500, retry_after="1"), "500 (Retry-After: 1)."),
        (Response(at=9.5, status=503), "503 (Retry-After: none)."),
        (Response(at=9.5, error="ReadError"), "ReadError (Retry-After: none)."),
    ],
)
def test_a_refusal_is_503_with_retry_after(response: Response, message: str) -> None:
    assert failure("POOL-003", many(AT_ONCE - 1, response)) == (
        "a request over the capacity must get 503 with Retry-After, but it got " + message
    )


# leaves


def disconnected(*, ended: bool = True) -> Observation:
    return observed(
        promises.leaves(OF["cooperative"]),
        loops=(replace(LOOP, ended=ended),),
        ended_after=0.12345,
    )


def test_a_loop_that_runs_after_its_client_disconnected_fails() -> None:
    assert failure("LEAVES-002", disconnected()) == ""
    assert failure("LEAVES-002", disconnected(ended=False)).startswith(
        "its loop kept running after its client disconnected: 100 steps within 1 s; meanwhile 100"
    )


def test_a_job_without_an_address_cannot_be_stopped() -> None:
    assert failure("LEAVES-005", job(Response(at=8.5, status=202))) == (
        "POST /supervised answered 202 without a `Location`, so no client can stop its job."
    )


@pytest.mark.parametrize(
    ("stopped", "words"), [(UNKNOWN, "404"), (Response(at=9.5, error="ReadError"), "ReadError")]
)
def test_a_job_that_runs_after_its_stop_fails(stopped: Response, words: str) -> None:
    stays = job(STARTED, {"GET": STEPS, "DELETE": stopped}, ended=False)
    assert failure("LEAVES-005", stays).startswith(
        f"its loop kept running after DELETE of its `Location`, which answered {words}: 100 steps"
    )


def test_the_end_of_the_loop_is_measured() -> None:
    assert CASE["LEAVES-002"].measured(disconnected()) == {"seconds": 0.1235}
    assert CASE["LEAVES-002"].measured(replace(disconnected(), ended_after=None)) == {
        "seconds": None
    }


# exits and defaults


@pytest.mark.parametrize(
    ("control", "times", "message"),
    [
        (GOOD_EXIT, GOOD_EXIT, ""),
        (GOOD_EXIT, STUCK, STILL_RAN),
        (GOOD_EXIT, STUCK_TWICE, STILL_RAN.replace("SIGTERM", "SIGTERM and after SIGINT")),
        (STUCK, STUCK, WITHOUT_LOOP),
        (STUCK, GOOD_EXIT, WITHOUT_LOOP),
    ],
)
def test_the_server_exits_after_both_signals(
    control: ShutdownTimes, times: ShutdownTimes, message: str
) -> None:
    assert failure("EXITS-001", control, times) == message
    assert CASE["EXITS-001"].measured(control, times) == times.seconds


def test_default_settings_are_measured_and_not_judged() -> None:
    assert failure("DEFAULTS-001", STUCK) == ""
    assert CASE["DEFAULTS-001"].measured(STUCK) == {"SIGTERM": None, "SIGINT": 0.25}


# gil and speed


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.name)
def test_waits_while_loops_run_are_compared_with_the_idle_apps(remedy: Remedy) -> None:
    case = f"GIL-{REMEDIES.index(remedy) + 1:03}"
    wait = 0.5 / GIL_LIMIT
    idle = observed(GIL_CONTROL, wait)
    at_limit, over_limit = together(remedy.name, 0.5), together(remedy.name, 0.75)
    assert (
        failure(case, replace(idle, probes=observed(GIL_CONTROL, wait * 1.01).probes), at_limit)
        == ""
    )
    assert failure(case, idle, over_limit) == (
        f"the p99 of a probe's wait is 750 ms while 8 loops run, and {wait * 1000:,.1f} ms without "
        f"them; it must be at most {GIL_LIMIT} times as long."
    )


def test_the_ratio_ignores_one_slow_probe_in_a_hundred_but_not_two() -> None:
    slow = observed(GIL_CONTROL, 0.9).probes
    usual = together("process", 0.001).probes
    idle = observed(GIL_CONTROL, 0.001)
    for number, ratio in ((1, 1.0), (2, 900.0)):
        results = together("process", 0, probes=slow[:number] + usual[number:])
        measured = CASE["GIL-007"].measured(idle, results)
        assert measured == {"ratio": pytest.approx(ratio), "loops": 8}


def test_loops_that_do_not_run_fail_gil() -> None:
    results = together("process", 0.001, kept_running=False)
    assert "its loop did not keep running" in failure("GIL-007", observed(GIL_CONTROL), results)


def test_the_running_loops_are_counted() -> None:
    results = together("normal", 0.001, loops=(LOOP,) * 6)
    assert failure("GIL-003", observed(GIL_CONTROL), results) == ""
    assert CASE["GIL-003"].measured(observed(GIL_CONTROL), results)["loops"] == 6


def test_speed_is_a_share_of_the_bare_loops() -> None:
    bare, half = observed(BLOCKING, steps=400), observed(SHOWN[3], steps=200)
    assert CASE["SPEED-001"].measured(bare, half) == {"ratio": 0.5}
    assert CASE["SPEED-001"].measured(replace(bare, steps=0), half) == {"ratio": None}
    assert failure("SPEED-001", bare, half) == ""
    assert failure("SPEED-001", bare, replace(half, steps=0)) == "one of the loops made no step."


# errors


def raised(**changes: Any) -> Observation:
    followups = {"before": Response(at=8.9, status=200, connection="theirs")}
    usual = {"loops": (replace(LOOP, ended=True),), "log": LOGGED, "followups": followups}
    return observed(promises.errors(OF["normal"]), **(usual | changes))


@pytest.mark.parametrize(
    ("observation", "message"),
    [
        (raised(), ""),
        (
            raised(loops=(LOOP,)),
            "its loop kept running after an exception: does it catch all exceptions?",
        ),
        (raised(log=""), "the server's log has no traceback of the exception."),
        (
            raised(log="LoopFailure: from outside"),
            "the server's log has no traceback of the exception.",
        ),
        (
            raised(followups={"before": Response(at=8.9, status=200, connection="an older one")}),
            "the exception closed the connection of another client.",
        ),
    ],
)
def test_an_exception_is_logged_and_closes_no_other_connection(
    observation: Observation, message: str
) -> None:
    assert failure("ERRORS-003", observation) == message


@pytest.mark.parametrize(
    ("connection", "message"),
    [
        ("its own", ""),
        (
            "another",
            "the exception closed the connection of a request that had its response already.",
        ),
    ],
)
def test_an_exception_closes_no_answered_connection(connection: str, message: str) -> None:
    again = Response(at=9.9, status=200, connection=connection)
    before = raised()
    after = replace(before, followups={**before.followups, "again": again})
    assert failure("ERRORS-003", after) == message


# What becomes of a queued job.

WENT_ON = Handed((10, 20), "running", is_listed=True, is_stopped=True, at_once=1)
CALLED_LOST = Handed((10, 10), "lost", is_listed=True, is_stopped=True, at_once=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, ""),
        ({"is_listed": False}, "the new server does not list the job."),
        (
            {"steps": (10, 10), "state": "lost"},
            (
                "the job did not go on: 10 steps before the end of the server, 10 afterwards; its "
                "state is 'lost'."
            ),
        ),
        (
            {"is_stopped": False},
            "its loop still ran after a DELETE of its address at the new server.",
        ),
    ],
)
def test_a_job_outlives_its_server_if_the_new_one_has_it(
    changes: dict[str, Any], message: str
) -> None:
    assert failure("OUTLIVES-009", replace(WENT_ON, **changes)) == message


@pytest.mark.parametrize(
    ("put_back", "killed", "message"),
    [
        ({}, {}, ""),
        ({"at_once": 2}, {}, "two loops of the job ran at the same time."),
        ({}, {"at_once": 2}, "two loops of the job ran at the same time."),
        (
            {"steps": (10, 10), "state": "queued"},
            {},
            "after SIGTERM of its worker no other ran the job within 15 s; its state is 'queued'.",
        ),
        (
            {},
            {"state": "running"},
            (
                "15 s after its worker was killed the state of the job is 'running'; it must be "
                "'lost'."
            ),
        ),
        ({}, {"steps": (10, 11)}, "a job that was called lost went on."),
    ],
)
def test_a_job_is_put_back_or_lost_and_never_run_twice(
    put_back: dict[str, Any], killed: dict[str, Any], message: str
) -> None:
    results = (replace(WENT_ON, **put_back), replace(CALLED_LOST, **killed))
    assert failure("LOST-009", *results) == message
