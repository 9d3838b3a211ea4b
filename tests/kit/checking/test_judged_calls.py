"""The first call of a window may be cold, and the notes report on the calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from asgi_liveness.checking.observation import CheckObservation
from asgi_liveness.checking.report import Verdict
from asgi_liveness.checking.watch import INTERVAL
from asgi_liveness.serving.records import Frame
from tests.kit.checking.windows import (
    OTHER,
    REPORT,
    call,
    during,
    end,
    probes,
    samples,
    stalled,
    window,
)

# A cold first call.


def calls(*times: tuple[float, float | None], **changes: Any) -> CheckObservation:
    """A window with a stall at its beginning and with calls at these *times*."""
    fields: dict[str, Any] = {"ends": (end(ended=100.6),), "samples": samples(REPORT, count=3)}
    sent = tuple(call(began, ended) for began, ended in times)
    return replace(window(), **{**fields, "calls": sent, **changes})


def test_the_first_call_is_cold_if_it_alone_stalls() -> None:
    route = during(calls((100.0, 100.6), (100.6, 100.7)))
    assert (route.verdict, route.culprit, route.longest_stall_s) == (Verdict.LIVE, None, 0.0)
    (note,) = route.notes
    assert note == (
        "the first call was cold: the event loop was silent for 590 ms at "
        "/srv/myapp/reports.py:12, and not in a later call"
    )


def test_the_note_on_a_cold_call_without_samples_names_no_line() -> None:
    (note,) = during(calls((100.0, 100.6), (100.6, 100.7), samples=())).notes
    assert "590 ms, and not in a later call" in note


@pytest.mark.parametrize(
    "observation",
    [
        calls((100.0, 100.6)),
        calls((100.0, 100.6), (100.6, None)),
        calls((100.0, 100.6), (100.6, 101.2), ends=(end(ended=100.6), end(100.7, 101.2))),
    ],
    ids=["the only call", "the second gets no response", "the second stalls"],
)
def test_a_call_is_cold_only_if_a_later_call_does_not_stall(observation: CheckObservation) -> None:
    assert during(observation).verdict is Verdict.STALLED
    assert not during(observation).notes


def test_a_later_call_counts_only_if_it_had_the_time_to_stall() -> None:
    observation = calls((100.0, 100.6), (101.4, 101.5))
    assert during(observation).verdict is Verdict.STALLED


def test_a_stall_in_an_import_is_cold_even_without_a_later_call() -> None:
    module = Frame("<frozen importlib._bootstrap>", 1176, "_find_and_load")
    importing = samples(REPORT, module, OTHER)
    route = during(calls((100.0, 101.0), samples=importing))
    assert (route.verdict, route.culprit, route.longest_stall_s) == (Verdict.LIVE, None, 0.0)
    assert "was cold" in route.notes[0]
    ends = (end(), end(101.2, 101.9))
    both = calls((100.0, 101.0), ends=ends, samples=(*importing, *samples(OTHER, began=101.2)))
    route = during(both)
    assert route.culprit
    assert (route.verdict, route.culprit.function) == (Verdict.STALLED, "other")
    assert "was cold" in route.notes[0]


def test_calls_sent_at_the_same_time_are_all_first_calls() -> None:
    route = during(calls((100.0, 100.3), (100.0, 100.6)))
    assert route.verdict is Verdict.STALLED


def test_a_second_call_that_fails_does_not_make_the_first_cold() -> None:
    observation = calls((100.0, 100.6))
    failed = call(100.6, 100.7, error="ReadError")
    route = during(replace(observation, calls=(*observation.calls, failed)))
    assert route.verdict is Verdict.STALLED


# Notes on the calls.


def test_a_request_that_does_not_end_is_fine_if_the_app_is_live() -> None:
    note = "GET /report itself had not ended after 2.0 s and was closed."
    open_call = (call(100.0, None),)
    live = during(window(calls=open_call, first_is_open=True))
    assert live.notes == (f"{note} That is fine if it is endless by design.",)
    frozen = during(stalled(REPORT, calls=open_call, first_is_open=True))
    assert frozen.notes == (note,)
    assert during(window(calls=(call(100.0, 100.1),))).notes == ()


def test_failed_calls_are_counted_by_status_and_error() -> None:
    sent = (
        call(100.0, 100.1, 500),
        call(100.2, 100.3, 500),
        call(100.4, 100.5, 503),
        call(100.6, 100.7, error="ReadError"),
        call(100.8, 100.9, 200),
        call(101.0, 101.1, 302),
        call(101.1, 101.2, 429),
        call(101.2, None),
    )
    assert during(window(calls=sent)).notes == (
        "GET /report itself answered 500, 2 of 7 times",
        "GET /report itself answered 503, 1 of 7 times",
        "GET /report itself failed (ReadError), 1 of 7 times",
        "GET /report itself answered 429, 1 of 7 times",
    )


def test_a_cold_stall_does_not_count_as_a_loop_that_ran() -> None:
    silenced = probes([0.6 - n * INTERVAL for n in range(12)] + [0.01] * 28)
    cold = calls((100.0, 100.6), (100.6, 100.7), probes=silenced)
    assert "event loop ran" not in during(cold).because
