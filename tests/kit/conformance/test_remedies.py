"""What the LIVE cases of the remedies say of hand-made evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from asgi_liveness.conformance.cases import CASES
from asgi_liveness.conformance.observation import Observation
from asgi_liveness.conformance.promises import REMEDIES, live
from asgi_liveness.inside.ledger import Loop
from asgi_liveness.probing.response import Response, SentRequest

CASE = {case.remedy: case for case in CASES if case.promise == "live"}
WINDOW = {remedy.name: live(remedy) for remedy in REMEDIES}
IN_TURNS = Loop("/any", "app.py:7", 5, ended=False, on_event_loop=True, in_app=True)
IN_A_THREAD = replace(IN_TURNS, on_event_loop=False)
ELSEWHERE = replace(IN_A_THREAD, in_app=False)
EVENTS = Response(at=8.5, status=200, content_type="text/event-stream; charset=utf-8")


def seen(remedy: str, loop: Loop, **changes: Any) -> Observation:
    """A window in which all was answered, and the job when it had begun."""
    probe = SentRequest("/hello", 9.0, 9.0, Response(at=9.5, status=200))
    job = SentRequest(f"/{remedy}", 8.0, 8.0, EVENTS)
    usual = Observation(WINDOW[remedy], 10.0, (probe,), (job,), (loop,), 100, True, 5, True)
    return replace(usual, **changes)


@pytest.mark.parametrize(
    ("remedy", "right", "wrong", "told"),
    [
        ("background", IN_A_THREAD, IN_TURNS, "must step in a thread of its own"),
        ("cooperative", IN_TURNS, IN_A_THREAD, "must step in the event loop's own thread"),
        ("normal", IN_A_THREAD, IN_TURNS, "must step in a thread of its own"),
        ("offloaded", IN_A_THREAD, IN_TURNS, "must step in a thread of its own"),
        ("process", ELSEWHERE, IN_A_THREAD, "must step in a process of its own"),
        ("paced", IN_TURNS, IN_A_THREAD, "must step in the event loop's own thread"),
    ],
)
def test_a_loop_is_where_its_remedy_puts_it(
    remedy: str, right: Loop, wrong: Loop, told: str
) -> None:
    assert CASE[remedy].judge(seen(remedy, right)) is None
    assert told in (CASE[remedy].judge(seen(remedy, wrong)) or "")


@pytest.mark.parametrize("remedy", ["supervised", "streamed"])
@pytest.mark.parametrize("loop", [IN_TURNS, IN_A_THREAD])
def test_a_job_and_a_stream_may_step_anywhere(remedy: str, loop: Loop) -> None:
    assert CASE[remedy].judge(seen(remedy, loop)) is None


@pytest.mark.parametrize("remedy", WINDOW)
def test_an_app_that_does_not_answer_is_no_place_for_any(remedy: str) -> None:
    silent = (SentRequest("/hello", 9.0, 9.0, None),)
    assert "must leave the app answering" in (
        CASE[remedy].judge(seen(remedy, IN_TURNS, probes=silent)) or ""
    )


@pytest.mark.parametrize(
    ("response", "told"),
    [
        (replace(EVENTS, content_type="application/json"), "it is 'application/json'."),
        (None, "/streamed did not answer while its loop made 100 steps."),
        (replace(EVENTS, at=10.5), "/streamed did not answer while its loop made 100 steps."),
    ],
)
def test_a_stream_is_one_and_has_begun(response: Response | None, told: str) -> None:
    jobs = (SentRequest("/streamed", 8.0, 8.0, response),)
    assert told in (CASE["streamed"].judge(seen("streamed", IN_TURNS, jobs=jobs)) or "")
