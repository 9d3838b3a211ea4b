"""Whether another copy of the app may have caused what a window shows."""

from __future__ import annotations

from typing import Any

import pytest

from asgi_liveness.checking.disturbed import may_be_disturbed
from asgi_liveness.checking.observation import CheckObservation
from asgi_liveness.checking.report import Verdict
from tests.kit.checking.windows import (
    BEGAN,
    FROZEN,
    JUDGE,
    REPORT,
    call,
    during,
    end,
    probes,
    samples,
    stalled,
    window,
)


def disturbed(observation: CheckObservation) -> bool:
    return may_be_disturbed(observation, during(observation), JUDGE.criteria)


def test_a_live_app_whose_calls_succeed_is_undisturbed() -> None:
    assert not disturbed(window(calls=(call(BEGAN, BEGAN + 0.1), call(BEGAN + 0.5, None))))


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [(404, "", False), (500, "", True), (0, "ReadError", True)],
)
def test_a_call_that_fails_may_be_disturbed(status: int, error: str, *, expected: bool) -> None:
    failing = call(BEGAN, BEGAN + 0.1, status, error=error)
    assert disturbed(window(calls=(failing,))) is expected


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ({"ran": 1.0}, False),
        ({"ran": 0.0}, True),  # it waits, perhaps for the other copy
        ({"ran": 0.0, "others": 1.0}, False),  # another thread of its own process computes
    ],
)
def test_a_stall_is_the_apps_own_if_its_process_computes(
    use: dict[str, Any], *, expected: bool
) -> None:
    seen = samples(REPORT, **use)
    assert disturbed(stalled(samples=seen, probes=probes(FROZEN))) is expected


def test_a_live_app_may_have_waited_for_another_copy_in_a_cold_call() -> None:
    waited = samples(REPORT, began=BEGAN, count=3, ran=0.0)
    calls = (call(BEGAN, BEGAN + 0.6), call(BEGAN + 0.7, BEGAN + 0.71))
    seen = window(calls=calls, samples=waited, ends=(end(ended=BEGAN + 0.6),))
    assert during(seen).verdict is Verdict.LIVE
    assert disturbed(seen)


def test_an_app_that_died_may_be_disturbed() -> None:
    assert disturbed(window(died="killed"))
