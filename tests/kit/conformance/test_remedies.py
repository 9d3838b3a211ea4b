"""The LIVE cases of the remedies judge hand-made observations."""

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
ON_EVENT_LOOP = Loop("/any", "app.py:7", 5, ended=False, on_event_loop=True, in_app=True)
IN_A_THREAD = replace(ON_EVENT_LOOP, on_event_loop=False)
IN_A_PROCESS = replace(IN_A_THREAD, in_app=False)
EVENTS = Response(at=8.5, status=200, content_type="text/event-stream; charset=utf-8")


def observed(remedy: str, loop: Loop, **changes: Any) -> Observation:
    """Return a window in which every probe was answered, and the load after its loop started."""
    probe = SentRequest("/hello", 9.0, 9.0, Response(at=9.5, status=200))
    load = SentRequest(f"/{remedy}", 8.0, 8.0, EVENTS)
    usual = Observation(WINDOW[remedy], 10.0, (probe,), (load,), (loop,), 100, True, 5, True)
    return replace(usual, **changes)


@pytest.mark.parametrize(
    ("remedy", "right", "wrong", "message"),
    [
        ("background", IN_A_THREAD, ON_EVENT_LOOP, "must step in a thread of its own"),
        ("cooperative", ON_EVENT_LOOP, IN_A_THREAD, "must step in the event loop's own thread"),
        ("normal", IN_A_THREAD, ON_EVENT_LOOP, "must step in a thread of its own"),
        ("offloaded", IN_A_THREAD, ON_EVENT_LOOP, "must step in a thread of its own"),
        ("process", IN_A_PROCESS, IN_A_THREAD, "must step in a process of its own"),
        ("paced", ON_EVENT_LOOP, IN_A_THREAD, "must step in the event loop's own thread"),
    ],
)
def test_a_loop_steps_where_its_remedy_says(
    remedy: str, right: Loop, wrong: Loop, message: str
) -> None:
    assert CASE[remedy].judge(observed(remedy, right)) is None
    assert message in (CASE[remedy].judge(observed(remedy, wrong)) or "")


@pytest.mark.parametrize("remedy", ["supervised", "streamed"])
@pytest.mark.parametrize("loop", [ON_EVENT_LOOP, IN_A_THREAD])
def test_a_job_and_a_stream_may_step_anywhere(remedy: str, loop: Loop) -> None:
    assert CASE[remedy].judge(observed(remedy, loop)) is None


@pytest.mark.parametrize("remedy", WINDOW)
def test_a_silent_app_fails_the_case_of_every_remedy(remedy: str) -> None:
    silent = (SentRequest("/hello", 9.0, 9.0, None),)
    assert "must leave the app answering" in (
        CASE[remedy].judge(observed(remedy, ON_EVENT_LOOP, probes=silent)) or ""
    )


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (replace(EVENTS, content_type="application/json"), "but it sends 'application/json'."),
        (None, "/streamed did not respond while its loop made 100 steps."),
        (replace(EVENTS, at=10.5), "/streamed did not respond while its loop made 100 steps."),
    ],
)
def test_a_stream_is_an_event_stream_that_has_begun(
    response: Response | None, message: str
) -> None:
    load = (SentRequest("/streamed", 8.0, 8.0, response),)
    assert message in (CASE["streamed"].judge(observed("streamed", ON_EVENT_LOOP, load=load)) or "")
