"""The reason for late or missing responses, where no sample shows a line that stalls."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from asgi_liveness.checking.late import late
from asgi_liveness.checking.observation import CheckObservation
from asgi_liveness.checking.report import Probes, Verdict, WindowReport
from asgi_liveness.probing.response import SentRequest
from asgi_liveness.serving.records import Frame, Pool, TaskStack, ThreadStack
from asgi_liveness.stalls.advice import Kind, advice
from asgi_liveness.stalls.criteria import Criteria
from tests.kit.checking.windows import (
    BEGAN,
    ENDED,
    IDLE_WORKER,
    INSTALLED,
    LIMIT,
    OTHER,
    REPORT,
    SELECTING,
    STANDARD,
    WORKER,
    heartbeat,
    thread,
    window,
)

MOST = (ENDED - BEGAN) / 2
"""Seconds that a full pool may make probes wait."""
ANYIO = Frame(f"{INSTALLED}/anyio/_backends/_asyncio.py", 976, "run")
WAIT = Frame(f"{STANDARD}/threading.py", 355, "wait")
GET = Frame(f"{STANDARD}/queue.py", 171, "get")
RUN = Frame(f"{STANDARD}/threading.py", 1010, "run")
LOOPS = thread(*SELECTING, is_loop=True)
FULL = Pool("asyncio", 0, 3)
WORKS = replace(thread(REPORT, *WORKER), pool=FULL)
IDLES = replace(thread(*IDLE_WORKER), pool=FULL)
ALONE = thread(OTHER, RUN)
"""A thread outside of any pool."""


def silent(silence: float, answered: int = 40) -> WindowReport:
    """A window with this longest silence, in seconds."""
    return WindowReport("GET /report", Verdict.LIVE, Probes(40, answered), 0.0, 0.0, silence)


def judged(
    route: WindowReport,
    *threads: ThreadStack,
    stalled: bool = False,
    observation: CheckObservation | None = None,
) -> WindowReport:
    """Judge the responses of a window in which the app had these *threads*."""
    observed = replace(observation or window(), threads=threads)
    return late(route, observed, Criteria(LIMIT, "myapp"), stalled=stalled)


def test_a_window_answered_in_time_is_returned_unchanged() -> None:
    for threads in ((), (LOOPS, WORKS), (LOOPS, IDLES)):
        assert judged(silent(LIMIT), *threads) == silent(LIMIT)
        assert judged(silent(LIMIT), *threads, stalled=True) == silent(LIMIT)


# A pool that is full.


def test_a_full_pool_starves_the_probe() -> None:
    route = judged(
        silent(MOST + 0.1, 0), LOOPS, *[WORKS] * 5, replace(thread(OTHER, *WORKER), pool=FULL)
    )
    assert route.verdict is Verdict.STARVED
    assert route.because == (
        "thread pool full (asyncio's default), 5 of 6 threads at /srv/myapp/reports.py:12"
    )
    assert route.advice == advice(Kind.OWN_POOL)
    assert route.culprit
    assert (route.culprit.line, route.culprit.seen, route.culprit.looks) == (12, 5, 6)


def test_a_thread_that_waits_within_its_work_fills_the_pool_too() -> None:
    waits = replace(thread(WAIT, REPORT, *WORKER), pool=FULL)
    assert judged(silent(MOST + 0.1, 0), LOOPS, waits).verdict is Verdict.STARVED


@pytest.mark.parametrize(
    ("threads", "silence"),
    [
        ((LOOPS, WORKS, IDLES), MOST + 0.1),
        ((LOOPS, WORKS), MOST - 0.1),
        ((LOOPS, ALONE), MOST + 0.1),
        ((LOOPS,), MOST + 0.1),
    ],
    ids=["a free thread", "a short silence", "no pool", "no thread"],
)
def test_a_pool_that_is_not_full_starves_no_probe(
    threads: tuple[ThreadStack, ...], silence: float
) -> None:
    route = judged(silent(silence), *threads)
    assert route.verdict is Verdict.LIVE
    assert "pool" not in route.because


SYNCHRONOUS = thread(WAIT, GET, REPORT, ANYIO, RUN)
WAITS_FOR_ANYIO = TaskStack(
    7, 9, (Frame(f"{INSTALLED}/anyio/_backends/_asyncio.py", 1900, "acquire_on_behalf_of"),)
)


def with_tasks(*tasks: TaskStack) -> CheckObservation:
    return window((None,) * 40, tasks=tasks)


def test_anyios_pool_is_full_if_tasks_wait_for_it() -> None:
    route = silent(2.0, 0)
    idle = thread(WAIT, GET, ANYIO, RUN)
    threads = (LOOPS, *[SYNCHRONOUS] * 40, idle, IDLES)
    full = judged(route, *threads, observation=with_tasks(WAITS_FOR_ANYIO))
    assert full.verdict is Verdict.STARVED
    assert full.because.startswith("thread pool full (AnyIO's), 40 of 40 threads at")
    assert full.advice == advice(Kind.POOL)
    free = judged(route, *threads, observation=with_tasks(TaskStack(7, 1, (OTHER,))))
    assert "pool full" not in free.because


def test_a_thread_in_the_standard_library_fills_its_pool_too() -> None:
    resolves = Frame(f"{STANDARD}/socket.py", 974, "getaddrinfo")
    threads = [replace(thread(resolves, *WORKER), pool=FULL)] * 6
    route = judged(silent(2.0, 0), LOOPS, *threads)
    assert f"6 of 6 threads at {STANDARD}/socket.py:974" in route.because


@pytest.mark.parametrize("other", [Pool("asyncio", 1, 0), Pool("reports", 0, 0)])
def test_an_idle_thread_of_another_pool_hides_no_full_one(other: Pool) -> None:
    route = judged(silent(2.0, 0), LOOPS, WORKS, replace(IDLES, pool=other))
    assert "thread pool full (asyncio's default), 1 of 1 threads" in route.because


@pytest.mark.parametrize("name", ["asyncio", "uvloop"])
def test_the_default_pool_of_an_event_loop_is_called_asyncios(name: str) -> None:
    route = judged(silent(2.0, 0), LOOPS, replace(WORKS, pool=Pool(name, 0, 1)))
    assert "thread pool full (asyncio's default), 1 of 1 threads" in route.because


def test_a_pool_without_work_that_waits_is_not_full() -> None:
    busy = replace(WORKS, pool=Pool("reports", 0, 0))
    assert "pool full" not in judged(silent(2.0, 0), LOOPS, busy).because


def test_probes_say_what_they_wait_for_and_who_may_hold_it() -> None:
    acquire = Frame(f"{STANDARD}/asyncio/locks.py", 114, "acquire")
    tasks = (
        TaskStack(7, 30, (acquire, REPORT)),
        TaskStack(7, 1, (Frame(f"{STANDARD}/asyncio/tasks.py", 1, "sleep"), OTHER)),
        TaskStack(7, 1, (Frame(f"{INSTALLED}/uvicorn/server.py", 1, "main_loop"),)),
    )
    route = judged(silent(2.0, 0), LOOPS, observation=with_tasks(*tasks))
    assert route.verdict is Verdict.STARVED
    assert route.because == (
        "the event loop is idle, and the probes wait at /srv/myapp/reports.py:12 in report(), in "
        "acquire() of asyncio/locks.py; another task is at /srv/myapp/others.py:3 in other()"
    )
    assert route.advice == advice(Kind.WAITS)


@pytest.mark.parametrize(
    ("silence", "verdict", "because"),
    [
        (MOST + 0.1, Verdict.STARVED, "the event loop is idle, and the probes wait at"),
        (MOST - 0.1, Verdict.LIVE, "though the event loop ran: the probes waited at"),
        (LIMIT, Verdict.LIVE, ""),
    ],
)
def test_probes_that_were_answered_at_first_wait_as_well(
    silence: float, verdict: Verdict, because: str
) -> None:
    waits = with_tasks(TaskStack(7, 30, (REPORT,)))
    route = judged(silent(silence), LOOPS, observation=waits)
    assert route.verdict is verdict
    assert because in route.because
    assert ("myapp/reports.py:12 in report()" in route.because) is bool(because)
    assert bool(route.culprit) is (verdict is Verdict.STARVED)


def test_the_calls_themselves_are_no_probes_that_wait() -> None:
    calls = (SentRequest("/report", BEGAN, BEGAN, None),)
    waits = replace(with_tasks(TaskStack(7, 1, (REPORT,))), calls=calls)
    route = judged(silent(MOST + 0.1), LOOPS, observation=waits)
    assert route.verdict is Verdict.LIVE
    assert "the machine or the probed route was slow" in route.because


def test_threads_that_work_come_before_tasks_that_wait() -> None:
    waits = with_tasks(TaskStack(7, 30, (REPORT,)))
    assert "shares the GIL" in judged(silent(MOST + 0.1), LOOPS, ALONE, observation=waits).because


@pytest.mark.parametrize(
    ("throttled", "stalled", "verdict"),
    [(0.2, False, Verdict.LIVE), (0.2, True, Verdict.INCONCLUSIVE), (0.1, True, None)],
)
def test_a_throttled_app_is_slow_because_of_its_limit(
    throttled: float, verdict: Verdict | None, *, stalled: bool
) -> None:
    route = judged(silent(0.3), LOOPS, stalled=stalled, observation=window(throttled=throttled))
    assert ("the limit of the container's processor" in route.because) is (verdict is not None)
    assert route.verdict is (verdict or Verdict.INCONCLUSIVE)


def test_the_event_loops_own_thread_fills_no_pool() -> None:
    loop = thread(REPORT, *WORKER, is_loop=True)
    assert judged(silent(MOST + 0.1), loop).verdict is Verdict.LIVE


def test_probes_that_wait_for_something_else_are_starved() -> None:
    route = judged(silent(2.0, 0), LOOPS, IDLES, observation=window((None,) * 40))
    assert route.verdict is Verdict.STARVED
    assert "neither for the event loop nor for a full pool" in route.because
    assert route.culprit is None


# Threads that compute.


def test_threads_that_work_share_the_gil_with_the_loop() -> None:
    alone = judged(silent(0.3), LOOPS, ALONE)
    assert alone.because == (
        "slow: no probe was answered for 300 ms; 1 thread of the app shares the GIL with the "
        "event loop, mostly at /srv/myapp/others.py:3"
    )
    assert (alone.verdict, alone.advice) == (Verdict.LIVE, advice(Kind.THREADS))
    several = judged(silent(0.3), LOOPS, WORKS, ALONE, WORKS)
    assert "3 threads of the app share the GIL with the event loop" in several.because
    assert several.because.endswith("mostly at /srv/myapp/reports.py:12")


@pytest.mark.parametrize("stalled", [True, False])
@pytest.mark.parametrize(
    ("answered", "verdict"),
    [(1, Verdict.STARVED), (9, Verdict.STARVED), (10, Verdict.LIVE), (40, Verdict.LIVE)],
)
def test_threads_starve_the_app_if_few_probes_are_answered(
    answered: int, verdict: Verdict, *, stalled: bool
) -> None:
    route = judged(silent(0.3, answered), LOOPS, ALONE, stalled=stalled)
    assert route.verdict is verdict
    assert "the GIL with the event loop" in route.because


@pytest.mark.parametrize(
    "idle",
    [
        thread(WAIT, GET, Frame(f"{INSTALLED}/sentry_sdk/worker.py", 118, "_target"), RUN),
        thread(WAIT, Frame(f"{INSTALLED}/apscheduler/base.py", 20, "_main_loop"), RUN),
        thread(WAIT, GET, OTHER, RUN),
    ],
    ids=["library's queue", "library's event", "own queue"],
)
def test_a_thread_that_waits_for_work_shares_no_gil(idle: ThreadStack) -> None:
    assert "the GIL with the event loop" not in judged(silent(0.3), LOOPS, idle).because
    assert judged(silent(0.7, 1), LOOPS, idle, stalled=True).verdict is Verdict.INCONCLUSIVE


# One worker of several.


@pytest.mark.parametrize(("workers", "verdict"), [(1, Verdict.LIVE), (2, Verdict.INCONCLUSIVE)])
def test_a_silent_worker_is_not_live_because_another_responds(
    workers: int, verdict: Verdict
) -> None:
    heartbeats = tuple(heartbeat(process) for process in range(1, workers + 1))
    route = late(silent(LIMIT - 0.1), window(heartbeats=heartbeats), Criteria(LIMIT), stalled=True)
    assert route.verdict is verdict
    assert ("event loop of a worker was silent" in route.because) == (
        verdict is Verdict.INCONCLUSIVE
    )


# The machine.


def test_a_stall_without_code_of_the_app_is_inconclusive() -> None:
    route = judged(silent(0.3), LOOPS, IDLES, stalled=True)
    assert route.verdict is Verdict.INCONCLUSIVE
    assert route.because == (
        "slow: no probe was answered for 300 ms, and no sample shows code of the app on the event "
        "loop"
    )
    assert route.advice == advice(Kind.MACHINE)
    assert judged(silent(2.0, 0), LOOPS, stalled=True).verdict is Verdict.INCONCLUSIVE


def test_late_responses_while_the_loop_ran_are_live_and_slow() -> None:
    route = judged(silent(0.3), LOOPS)
    assert route.verdict is Verdict.LIVE
    assert route.because == (
        "slow: no probe was answered for 300 ms though the event loop ran: the machine or the "
        "probed route was slow"
    )


@pytest.mark.parametrize(("late_by", "noted"), [(0.4, False), (0.6, True)])
def test_a_check_that_was_late_itself_says_so(late_by: float, *, noted: bool) -> None:
    probe = SentRequest("/healthz", BEGAN, BEGAN + late_by, None)
    observation = replace(window(), probes=(*window().probes, probe))
    because = judged(silent(0.7), LOOPS, observation=observation).because
    assert (re.search(r"\(the check itself was \d+ ms late\)", because) is not None) is noted


# Without a watched event loop.


def test_workers_that_end_and_start_are_the_reason_for_a_silence() -> None:
    for heartbeats in ((), (heartbeat(),)):
        recycled = window(recycled=2, heartbeats=heartbeats)
        found = judged(silent(LIMIT + 0.1), observation=recycled)
        assert found.verdict is Verdict.LIVE
        assert found.because.endswith("while workers ended and others started")
        assert judged(silent(LIMIT), observation=recycled) == silent(LIMIT)
        never = judged(silent(ENDED - BEGAN, answered=0), observation=recycled)
        assert never.verdict is Verdict.INCONCLUSIVE
    stalled = judged(silent(LIMIT + 0.1), stalled=True, observation=recycled)
    assert stalled.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("route", "verdict", "because"),
    [
        (silent(LIMIT), Verdict.LIVE, "judged by its responses alone"),
        (
            silent(2.0, 0),
            Verdict.STALLED,
            "no probe was answered; a check from outside cannot see the line",
        ),
        (
            silent(0.3, 1),
            Verdict.INCONCLUSIVE,
            "no probe was answered for 300 ms; a check from outside cannot",
        ),
    ],
)
def test_an_unwatched_app_is_judged_by_its_responses(
    route: WindowReport, verdict: Verdict, because: str
) -> None:
    unwatched = window(heartbeats=())
    for stalled in (True, False):
        found = judged(route, stalled=stalled, observation=unwatched)
        assert found.verdict is verdict
        assert found.because.startswith(because)
        assert found.culprit is None
