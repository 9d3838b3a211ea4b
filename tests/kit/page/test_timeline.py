"""A timeline is made of probes, in whole milliseconds since the window began."""

from __future__ import annotations

from asgi_liveness.page.timeline import Timeline, timeline
from asgi_liveness.probing.response import Response, SentRequest


def probe(due: float, at: float | None, status: int = 200, path: str = "/hello") -> SentRequest:
    response = None if at is None else Response(at=at, status=status)
    return SentRequest(path, due, due, response)


def test_times_count_from_the_begin_of_the_window() -> None:
    found = timeline([probe(5.0, 5.002), probe(5.05, None)], 5.0, 6.0, stalls=[(5.01, 5.9)])
    assert found == Timeline(length=1000, due=(0, 50), waits=(2, None), stalls=((10, 900),))
    assert found.answered == 1


def test_a_response_after_the_judgement_is_none() -> None:
    assert timeline([probe(5.0, 6.001)], 5.0, 6.0).waits == (None,)


def test_any_status_answers_where_the_event_loop_is_judged() -> None:
    probes = [probe(5.0, 5.1, 404), probe(5.0, None)]
    assert timeline(probes, 5.0, 6.0).waits == (None, None)
    found = timeline(probes, 5.0, 6.0, any_status=True)
    assert (found.waits, found.statuses) == ((100, None), (404, 0))


def test_a_stall_that_was_under_way_is_cut_at_both_ends() -> None:
    assert timeline([], 5.0, 6.0, stalls=[(4.0, 7.0)]).stalls == ((0, 1000),)


def test_statuses_and_paths_are_kept_where_they_say_something() -> None:
    plain = timeline([probe(5.0, 5.1), probe(5.0, None)], 5.0, 6.0)
    assert (plain.statuses, plain.paths) == ((), ())
    found = timeline([probe(5.0, 5.1, 503), probe(5.0, 5.1, path="/hello-sync")], 5.0, 6.0)
    assert (found.statuses, found.paths) == ((503, 200), ("/hello", "/hello-sync"))
