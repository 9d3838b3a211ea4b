"""How long the event loop did not turn, and the line at which it was seen meanwhile."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import pytest

from asgi_liveness.checking.watch import CheckObservation
from asgi_liveness.serving.board import Frame, Sample
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.stalls.stalls import Stall, stalls
from tests.kit.checking.windows import (
    BEGAN,
    ENDED,
    LIMIT,
    OTHER,
    PERIOD,
    RANDINT,
    REPORT,
    SELECTING,
    about,
    end,
    heartbeat,
    sample,
    samples,
    window,
)


def found(
    observation: CheckObservation, max_stall: float = LIMIT, package: str = ""
) -> list[Stall]:
    return stalls(observation, Criteria(max_stall, package))


def only(observation: CheckObservation) -> Stall:
    (stall,) = found(observation)
    return stall


# How long.


def test_a_loop_that_beats_does_not_stall() -> None:
    assert found(window()) == []


@pytest.mark.parametrize(("over", "stalled"), [(-0.001, False), (0.001, True)])
def test_a_stall_is_longer_than_the_limit_over_the_period(over: float, *, stalled: bool) -> None:
    observation = window(ends=(end(ended=BEGAN + LIMIT + PERIOD + over),))
    assert [stall.length for stall in found(observation)] == (
        [about(LIMIT + over)] if stalled else []
    )


@pytest.mark.parametrize(("over", "stalled"), [(-0.001, False), (0.001, True)])
def test_a_loop_that_has_not_beaten_at_the_end_stalls_to_the_end(
    over: float, *, stalled: bool
) -> None:
    silent = heartbeat(beat_at=ENDED - LIMIT - PERIOD - over)
    assert [stall.length for stall in found(window(heartbeats=(silent,)))] == (
        [about(LIMIT + over)] if stalled else []
    )


def test_a_loop_that_does_not_run_does_not_stall() -> None:
    assert found(window(heartbeats=(heartbeat(beat_at=BEGAN, runs=False),))) == []


def test_what_was_before_the_window_and_after_it_is_not_counted() -> None:
    assert only(window(ends=(end(BEGAN - 5, ENDED - 1),))).length == about(1 - PERIOD)
    assert only(window(ends=(end(ENDED - 1, ENDED + 5),))).length == about(1 - PERIOD)
    assert found(window(ends=(end(BEGAN - 5, BEGAN + LIMIT),))) == []


def test_stalls_come_as_they_began() -> None:
    ends = (end(101.0, 101.5), end(100.0, 100.5), end(100.5, 101.0))
    assert [stall.began for stall in found(window(ends=ends))] == [100.0, 100.5, 101.0]


def test_each_worker_stalls_on_its_own() -> None:
    silent = heartbeat(8, beat_at=BEGAN)
    seen = replace(sample(BEGAN + 0.3, OTHER), process=8)
    observation = window(
        heartbeats=(heartbeat(), silent),
        ends=(end(BEGAN, BEGAN + 0.5),),
        samples=(sample(BEGAN + 0.3, REPORT), seen, replace(seen, at=BEGAN + 0.4)),
    )
    first, second = found(observation)
    assert (first.frame, first.length) == (REPORT, about(0.5 - PERIOD))
    assert (second.frame, second.length) == (OTHER, about(ENDED - BEGAN - PERIOD))


def test_a_worker_that_was_ended_has_left_its_looks() -> None:
    observation = window(heartbeats=(heartbeat(8),), samples=samples(REPORT))
    stall = only(observation)
    assert (stall.frame, stall.seen, len(stall.samples)) == (REPORT, 4, 4)
    assert stall.length == about(0.6)  # to the last look; nobody knows its period


def test_a_worker_that_ended_in_its_next_stall_has_left_the_looks_of_both() -> None:
    observation = window(
        heartbeats=(), ends=(end(),), samples=(*samples(REPORT), *samples(OTHER, began=101.2))
    )
    assert [(stall.frame, stall.length) for stall in found(observation)] == [
        (REPORT, about(1.0)),
        (OTHER, about(0.6)),
    ]


def test_a_stall_that_is_over_and_not_yet_noted_lasted_to_its_last_look() -> None:
    assert only(window(samples=samples(REPORT))).length == about(0.6 - PERIOD)


# Which line.


def test_the_line_that_most_looks_saw_is_to_blame_and_what_it_mostly_called() -> None:
    seen = (
        sample(100.3, RANDINT, REPORT),
        sample(100.4, REPORT),
        sample(100.5, RANDINT, REPORT),
        sample(100.6, OTHER),
        sample(100.7, OTHER),
    )
    stall = only(window(ends=(end(),), samples=seen))
    assert (stall.frame, stall.below, stall.seen) == (REPORT, RANDINT, 3)
    assert stall.samples == seen


def test_looks_into_another_stall_say_nothing_of_this_one() -> None:
    observation = window(ends=(end(), end(101.2, 101.9)), samples=samples(REPORT))
    assert [stall.frame for stall in found(observation)] == [REPORT, None]


def test_the_package_of_the_app_tells_which_frame_is_its_own() -> None:
    own = Frame("/x/site-packages/myapp/views.py", 4, "view")
    below = Frame("/x/site-packages/psycopg/cursor.py", 4, "execute")
    observation = window(ends=(end(),), samples=samples(below, own))
    assert [stall.frame for stall in found(observation, package="myapp")] == [own]
    assert [stall.frame for stall in found(observation)] == [below]


@pytest.mark.parametrize(
    ("seen", "frame"),
    [
        ((), None),
        ((REPORT,) * 2, REPORT),
        ((REPORT, None), REPORT),
        ((REPORT, None, None), None),
        ((REPORT, OTHER, None, None), REPORT),
        ((None,) * 3, None),
    ],
)
def test_half_of_the_looks_must_have_seen_code_of_the_app(
    seen: tuple[Frame | None, ...], frame: Frame | None
) -> None:
    taken = tuple(
        sample(100.3 + 0.1 * number, *filter(None, [at]))
        if at
        else sample(100.3 + 0.1 * number, stack=SELECTING)
        for number, at in enumerate(seen)
    )
    assert only(window(ends=(end(),), samples=taken)).frame == frame


@pytest.mark.parametrize(
    ("limits", "frame"), [(1.1, REPORT), (2.6, REPORT), (2.7, None), (9.0, None)]
)
def test_a_look_needs_company_unless_the_stall_was_too_short_for_two(
    limits: float, frame: Frame | None
) -> None:
    ended = BEGAN + PERIOD + limits * LIMIT
    observation = window(ends=(end(ended=ended),), samples=(sample(100.2, REPORT),))
    assert only(observation).frame == frame


LIBRARY = Frame("/x/site-packages/psycopg/cursor.py", 4, "execute")


@pytest.mark.parametrize(
    ("frame", "package", "times", "blamed"),
    [
        (REPORT, "", 1, True),
        (LIBRARY, "", 1, False),
        (LIBRARY, "psycopg", 1, True),
        (LIBRARY, "", 2, True),
    ],
)
def test_a_library_is_not_to_blame_that_was_seen_but_once(
    frame: Frame, package: str, times: int, *, blamed: bool
) -> None:
    observation = window(ends=(end(ended=BEGAN + 0.5),), samples=samples(frame, count=times))
    assert [one.frame for one in found(observation, package=package)] == [frame if blamed else None]


@pytest.mark.parametrize(
    ("queued", "frame"), [(0.0, REPORT), (0.5, REPORT), (0.75, REPORT), (0.85, None), (1.0, None)]
)
def test_what_is_left_without_the_queue_for_a_processor_must_be_too_long_itself(
    queued: float, frame: Frame | None
) -> None:
    seen = samples(REPORT, ran=1 - queued, queued=queued)
    stall = only(window(ends=(end(),), samples=seen))
    assert (stall.frame, stall.length) == (frame, about(1.0 - PERIOD))


@pytest.mark.parametrize(
    ("ran", "others", "slices", "frame"),
    [
        (0.1, 0.9, 200, None),
        (0.1, 0.9, 20, REPORT),
        (0.1, 0.1, 200, REPORT),
        (0.4, 0.3, 200, REPORT),
        (0.9, 0.9, 200, REPORT),
        (0.0, 0.9, 2, REPORT),
    ],
    ids=[
        "waits for the GIL",
        "waits in a call",
        "nobody runs",
        "few run",
        "it runs itself",
        "sleeps",
    ],
)
def test_a_thread_that_others_keep_the_gil_from_is_not_to_blame(
    ran: float, others: float, slices: int, frame: Frame | None
) -> None:
    seen = samples(REPORT, ran=ran, others=others, slices=slices)
    assert only(window(ends=(end(),), samples=seen)).frame == frame


SEND = Frame("/x/site-packages/uvicorn/h11.py", 5, "send")


@pytest.mark.parametrize(("ran", "frame"), [(0.9, REPORT), (0.1, None)])
def test_who_sends_without_an_end_is_to_blame_if_the_thread_ran(
    ran: float, frame: Frame | None
) -> None:
    assert only(window(ends=(end(),), samples=samples(SEND, REPORT, ran=ran))).frame == frame


# For how much of it the thread ran.


@pytest.mark.parametrize("part", [0.0, 0.3, 1.0])
def test_the_part_of_a_stall_for_which_the_thread_ran(part: float) -> None:
    stall = only(window(ends=(end(),), samples=samples(REPORT, ran=part)))
    assert stall.ran == about(part)


@pytest.mark.parametrize(
    ("ran", "queued", "part"),
    [(0.2, 0.6, 0.5), (0.3, 0.7, 1.0), (0.0, 0.5, 0.0), (0.6, 0.5, 1.0), (0.0, 1.0, 0.0)],
)
def test_the_queue_for_a_processor_is_no_time_in_which_a_thread_did_not_run(
    ran: float, queued: float, part: float
) -> None:
    stall = only(window(ends=(end(),), samples=samples(REPORT, ran=ran, queued=queued)))
    assert stall.ran == pytest.approx(part, abs=1e-6)


def test_it_takes_two_looks_and_a_system_that_counts_to_know_the_part() -> None:
    for seen in (
        (),
        samples(REPORT, count=1),
        samples(REPORT, slices=0),
        (sample(100.3, REPORT, slices=5), sample(100.3, REPORT, slices=6)),
    ):
        assert only(window(ends=(end(),), samples=seen)).ran is None


def test_what_was_counted_before_the_first_look_is_part_of_it_and_is_no_look() -> None:
    first, *seen = samples(REPORT, ran=0.0)
    counted = replace(first, stack=(), ran=first.ran - 0.3)
    stall = only(window(ends=(end(),), samples=(counted, *seen)))
    assert stall.ran == about(1.0)
    assert (stall.frame, stall.seen, len(stall.samples)) == (REPORT, 3, 3)


def test_the_part_is_of_the_time_from_the_first_look_to_the_last_whoever_took_them() -> None:
    seen = samples(REPORT, ran=0.0)
    last = replace(seen[-1], ran=seen[-1].ran + (seen[-1].at - seen[0].at))
    for order in ((last, *seen[:-1]), (seen[1], last, seen[0], seen[2])):
        assert only(window(ends=(end(),), samples=order)).ran == about(1.0)


@pytest.mark.parametrize(("importing", "imports"), [(4, True), (3, False), (0, False)])
def test_a_stall_in_which_one_imports_whenever_one_looks(importing: int, *, imports: bool) -> None:
    module = Frame("<frozen importlib._bootstrap>", 1176, "_find_and_load")
    seen = (*samples(REPORT, module, OTHER)[:importing], *samples(REPORT)[importing:])
    assert only(window(ends=(end(),), samples=seen)).imports is imports
    assert not only(window(ends=(end(),))).imports


# C code that holds the GIL.


def held(frame: Frame, *times: float, by_another: int = 0) -> tuple[Sample, ...]:
    return tuple(sample(at, frame, gil_held=True, by_another=by_another) for at in times)


def test_code_that_holds_the_gil_is_seen_from_outside() -> None:
    assert only(window(ends=(end(),), samples=held(REPORT, 100.3, 100.4))).gil_held
    assert not only(window(ends=(end(),), samples=samples(REPORT))).gil_held


def test_another_thread_that_holds_the_gil_is_to_blame_if_it_was_seen_twice() -> None:
    observation = window(ends=(end(),), samples=held(REPORT, 100.3, 100.4, by_another=9))
    assert (only(observation).frame, only(observation).seen) == (REPORT, 2)


def test_threads_that_take_turns_with_the_gil_are_not_to_blame() -> None:
    turns = chain.from_iterable(held(REPORT, 100.3 + n / 10, by_another=n) for n in range(1, 6))
    stall = only(window(ends=(end(),), samples=tuple(turns)))
    assert (stall.frame, stall.samples, stall.gil_held) == (None, (), False)


def test_a_thread_seen_once_with_the_gil_does_not_count_beside_the_loops_own() -> None:
    seen = (*samples(REPORT, count=2), *held(OTHER, 100.6, by_another=9))
    stall = only(window(ends=(end(),), samples=seen))
    assert (stall.frame, stall.seen, len(stall.samples)) == (REPORT, 2, 2)


def test_where_a_process_sees_nobody_it_is_what_was_seen_from_outside() -> None:
    outside = tuple(replace(one, outside=True) for one in samples(RANDINT, REPORT))
    for inside in (samples(), samples(RANDINT)):  # where the GIL is given up, as in I/O
        stall = only(window(ends=(end(),), samples=(*inside[:2], *outside[2:])))
        assert (stall.frame, stall.below, stall.seen) == (REPORT, RANDINT, 2)
        assert stall.samples == outside[2:]


def test_two_looks_from_outside_tell_more_than_those_where_the_gil_is_given_up() -> None:
    outside = tuple(replace(one, outside=True) for one in samples(REPORT))
    stall = only(window(ends=(end(),), samples=(*samples(OTHER, count=2), *outside[2:])))
    assert (stall.frame, stall.seen, len(stall.samples)) == (REPORT, 2, 2)
    blind = tuple(replace(one, stack=SELECTING) for one in outside)
    stall = only(window(ends=(end(),), samples=(*samples(OTHER, count=2), *blind[2:])))
    assert (stall.frame, stall.seen, len(stall.samples)) == (OTHER, 2, 2)


def test_one_look_from_outside_takes_no_line_from_many_from_inside() -> None:
    seen = samples(REPORT, count=9)
    late = replace(samples(OTHER, count=9)[4], outside=True, gil_held=True)  # as a watcher may be
    stall = only(window(ends=(end(ended=101.5),), samples=(*seen[:4], late, *seen[5:])))
    assert stall.frame == REPORT


def test_where_py_spy_was_refused_nobody_was_seen() -> None:
    blind = tuple(sample(at, stack=(), gil_held=True) for at in (100.3, 100.4))
    stall = only(window(ends=(end(),), samples=blind))
    assert (stall.frame, stall.gil_held, stall.length) == (None, True, about(1 - PERIOD))
