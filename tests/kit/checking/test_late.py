"""Why answers were late, or did not come, where no line is seen to stall the event loop."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from asgi_liveness.checking.late import late
from asgi_liveness.checking.report import Probes, Verdict, WindowReport
from asgi_liveness.checking.watch import CheckObservation
from asgi_liveness.probing.response import SentRequest
from asgi_liveness.serving.board import Frame, ThreadStack
from asgi_liveness.stalls.advice import advice
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
"""For how long a full pool may keep a probe."""
ANYIO = Frame(f"{INSTALLED}/anyio/_backends/_asyncio.py", 976, "run")
WAIT = Frame(f"{STANDARD}/threading.py", 355, "wait")
GET = Frame(f"{STANDARD}/queue.py", 171, "get")
RUN = Frame(f"{STANDARD}/threading.py", 1010, "run")
LOOPS = thread(*SELECTING, is_loop=True)
WORKS = thread(REPORT, *WORKER)
IDLES = thread(*IDLE_WORKER)
ALONE = thread(OTHER, RUN)
"""A thread that the app started itself."""


def seen(silence: float, answered: int = 40) -> WindowReport:
    return WindowReport("GET /report", Verdict.LIVE, Probes(40, answered), 0.0, 0.0, silence)


def judged(
    route: WindowReport,
    *threads: ThreadStack,
    stalled: bool = False,
    observation: CheckObservation | None = None,
) -> WindowReport:
    showed = replace(observation or window(), threads=threads)
    return late(route, showed, Criteria(LIMIT, "myapp"), stalled=stalled)


def test_what_was_answered_in_time_is_left_as_it_is() -> None:
    for threads in ((), (LOOPS, WORKS), (LOOPS, IDLES)):
        assert judged(seen(LIMIT), *threads) == seen(LIMIT)
        assert judged(seen(LIMIT), *threads, stalled=True) == seen(LIMIT)


# A pool that is full.


def test_a_full_pool_starves_the_probe() -> None:
    route = judged(seen(MOST + 0.1, 0), LOOPS, *[WORKS] * 5, thread(OTHER, ANYIO, RUN))
    assert route.verdict is Verdict.STARVED
    assert route.because == "thread pool full, 5 of 6 threads at /srv/myapp/reports.py:12"
    assert route.advice == advice("pool")
    assert route.culprit
    assert (route.culprit.line, route.culprit.seen, route.culprit.looks) == (12, 5, 6)


def test_a_thread_that_waits_in_its_work_fills_the_pool_as_well() -> None:
    waits = thread(WAIT, REPORT, *WORKER)
    assert judged(seen(MOST + 0.1, 0), LOOPS, waits).verdict is Verdict.STARVED


@pytest.mark.parametrize(
    ("threads", "silence"),
    [
        ((LOOPS, WORKS, IDLES), MOST + 0.1),
        ((LOOPS, WORKS), MOST - 0.1),
        ((LOOPS, ALONE), MOST + 0.1),
        ((LOOPS,), MOST + 0.1),
    ],
    ids=["one is free", "not for long", "no pool", "no thread"],
)
def test_a_pool_that_is_not_full_starves_nobody(
    threads: tuple[ThreadStack, ...], silence: float
) -> None:
    route = judged(seen(silence), *threads)
    assert route.verdict is Verdict.LIVE
    assert "pool" not in route.because


def test_what_the_event_loops_own_thread_does_fills_no_pool() -> None:
    loop = thread(REPORT, *WORKER, is_loop=True)
    assert judged(seen(MOST + 0.1), loop).verdict is Verdict.LIVE


def test_where_nothing_is_answered_though_the_loop_turns_and_the_pool_has_room() -> None:
    route = judged(seen(2.0, 0), LOOPS, IDLES, observation=window((None,) * 40))
    assert route.verdict is Verdict.STARVED
    assert "neither for the event loop nor for a full pool" in route.because
    assert route.culprit is None


# Threads that compute.


def test_threads_that_work_share_the_gil_with_the_loop() -> None:
    alone = judged(seen(0.3), LOOPS, ALONE)
    assert alone.because == (
        "slow: nothing was answered for 300 ms; 1 thread of the app shares the GIL with it, "
        "most at /srv/myapp/others.py:3"
    )
    assert (alone.verdict, alone.advice) == (Verdict.LIVE, advice("threads"))
    several = judged(seen(0.3), LOOPS, WORKS, ALONE, WORKS)
    assert "3 threads of the app share the GIL with it" in several.because
    assert several.because.endswith("most at /srv/myapp/reports.py:12")


@pytest.mark.parametrize("stalled", [True, False])
@pytest.mark.parametrize(
    ("answered", "verdict"),
    [(1, Verdict.STARVED), (9, Verdict.STARVED), (10, Verdict.LIVE), (40, Verdict.LIVE)],
)
def test_threads_that_leave_few_probes_their_answers_starve_them(
    answered: int, verdict: Verdict, *, stalled: bool
) -> None:
    route = judged(seen(0.3, answered), LOOPS, ALONE, stalled=stalled)
    assert route.verdict is verdict
    assert "the GIL with it" in route.because


@pytest.mark.parametrize(
    "idle",
    [
        thread(WAIT, GET, Frame(f"{INSTALLED}/sentry_sdk/worker.py", 118, "_target"), RUN),
        thread(WAIT, Frame(f"{INSTALLED}/apscheduler/base.py", 20, "_main_loop"), RUN),
        thread(WAIT, GET, OTHER, RUN),
    ],
    ids=["library's queue", "library's event", "own queue"],
)
def test_a_thread_of_its_own_that_waits_for_work_shares_no_gil(idle: ThreadStack) -> None:
    assert "the GIL with it" not in judged(seen(0.3), LOOPS, idle).because
    assert judged(seen(0.7, 1), LOOPS, idle, stalled=True).verdict is Verdict.INCONCLUSIVE


# One worker of several.


@pytest.mark.parametrize(("workers", "verdict"), [(1, Verdict.LIVE), (2, Verdict.INCONCLUSIVE)])
def test_a_worker_that_was_silent_is_not_live_because_another_answers(
    workers: int, verdict: Verdict
) -> None:
    heartbeats = tuple(heartbeat(process) for process in range(1, workers + 1))
    route = late(seen(LIMIT - 0.1), window(heartbeats=heartbeats), Criteria(LIMIT), stalled=True)
    assert route.verdict is verdict
    assert ("a worker was silent" in route.because) == (verdict is Verdict.INCONCLUSIVE)


# The machine.


def test_a_stall_in_which_no_code_of_the_app_was_seen_is_inconclusive() -> None:
    route = judged(seen(0.3), LOOPS, IDLES, stalled=True)
    assert route.verdict is Verdict.INCONCLUSIVE
    assert route.because == (
        "slow: nothing was answered for 300 ms, and no code of the app was seen on the event loop"
    )
    assert route.advice == advice("machine")
    assert judged(seen(2.0, 0), LOOPS, stalled=True).verdict is Verdict.INCONCLUSIVE


def test_late_answers_of_a_loop_that_turned_are_live_and_slow() -> None:
    route = judged(seen(0.3), LOOPS)
    assert route.verdict is Verdict.LIVE
    assert route.because == (
        "slow: nothing was answered for 300 ms though the event loop turned: the machine or the "
        "probe's own work"
    )


@pytest.mark.parametrize(("late_by", "said"), [(0.4, False), (0.6, True)])
def test_a_prober_that_was_late_itself_says_so(late_by: float, *, said: bool) -> None:
    probe = SentRequest("/healthz", BEGAN, BEGAN + late_by, None)
    observation = replace(window(), probes=(*window().probes, probe))
    because = judged(seen(0.7), LOOPS, observation=observation).because
    assert (re.search(r"the machine, which sent \d+ ms late,", because) is not None) is said


# Nobody sees the event loop.


@pytest.mark.parametrize(
    ("route", "verdict", "because"),
    [
        (seen(LIMIT), Verdict.LIVE, "judged by its answers alone"),
        (seen(2.0, 0), Verdict.STALLED, "nothing was answered; which line it is can't be seen"),
        (seen(0.3, 1), Verdict.INCONCLUSIVE, "nothing was answered for 300 ms; why can't be seen"),
    ],
)
def test_an_app_that_is_not_watched_is_judged_by_its_answers(
    route: WindowReport, verdict: Verdict, because: str
) -> None:
    unwatched = window(heartbeats=())
    for stalled in (True, False):
        found = judged(route, stalled=stalled, observation=unwatched)
        assert found.verdict is verdict
        assert found.because.startswith(because)
        assert found.culprit is None
