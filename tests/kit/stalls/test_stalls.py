"""How long an event loop stalled, and the line to blame from the samples."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import Any

import pytest

from asgi_liveness.checking.observation import CheckObservation
from asgi_liveness.serving.records import Collection, Frame, Sample
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.stalls.stalls import Stall, stalls
from tests.kit.checking.windows import (
    BEGAN,
    ENDED,
    LIMIT,
    OTHER,
    PERIOD,
    PROCESS,
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


def below(stall: Stall) -> Frame | None:
    return stall.line.below if stall.line else None


def seen(stall: Stall) -> int:
    return stall.line.seen if stall.line else 0


# The length of a stall.


def test_a_loop_that_beats_does_not_stall() -> None:
    assert found(window()) == []


@pytest.mark.parametrize(("over", "stalled"), [(-0.001, False), (0.001, True)])
def test_a_stall_lasts_longer_than_limit_and_period(over: float, *, stalled: bool) -> None:
    observation = window(ends=(end(ended=BEGAN + LIMIT + PERIOD + over),))
    assert [stall.length for stall in found(observation)] == (
        [about(LIMIT + over)] if stalled else []
    )


@pytest.mark.parametrize(("over", "stalled"), [(-0.001, False), (0.001, True)])
def test_a_loop_without_a_last_beat_stalls_to_the_end(over: float, *, stalled: bool) -> None:
    silent = heartbeat(beat_at=ENDED - LIMIT - PERIOD - over)
    assert [stall.length for stall in found(window(heartbeats=(silent,)))] == (
        [about(LIMIT + over)] if stalled else []
    )


def test_a_loop_that_does_not_run_does_not_stall() -> None:
    assert found(window(heartbeats=(heartbeat(beat_at=BEGAN, runs=False),))) == []


def test_time_before_and_after_the_window_is_not_counted() -> None:
    assert only(window(ends=(end(BEGAN - 5, ENDED - 1),))).length == about(1 - PERIOD)
    assert only(window(ends=(end(ENDED - 1, ENDED + 5),))).length == about(1 - PERIOD)
    assert found(window(ends=(end(BEGAN - 5, BEGAN + LIMIT),))) == []


def test_stalls_are_in_the_order_they_began() -> None:
    ends = (end(101.0, 101.5), end(100.0, 100.5), end(100.5, 101.0))
    assert [stall.began for stall in found(window(ends=ends))] == [100.0, 100.5, 101.0]


def test_each_worker_stalls_on_its_own() -> None:
    silent = heartbeat(8, beat_at=BEGAN)
    other = replace(sample(BEGAN + 0.3, OTHER), process=8)
    observation = window(
        heartbeats=(heartbeat(), silent),
        ends=(end(BEGAN, BEGAN + 0.5),),
        samples=(sample(BEGAN + 0.3, REPORT), other, replace(other, at=BEGAN + 0.4)),
    )
    first, second = found(observation)
    assert (first.frame, first.length) == (REPORT, about(0.5 - PERIOD))
    assert (second.frame, second.length) == (OTHER, about(ENDED - BEGAN - PERIOD))


def test_a_worker_that_was_killed_leaves_its_samples() -> None:
    observation = window(heartbeats=(heartbeat(8),), samples=samples(REPORT))
    stall = only(observation)
    assert (stall.frame, seen(stall), len(stall.samples)) == (REPORT, 4, 4)
    assert stall.length == about(0.6)  # to the last sample; the period is unknown


def test_a_worker_killed_in_its_second_stall_leaves_samples_of_both() -> None:
    observation = window(
        heartbeats=(), ends=(end(),), samples=(*samples(REPORT), *samples(OTHER, began=101.2))
    )
    assert [(stall.frame, stall.length) for stall in found(observation)] == [
        (REPORT, about(1.0)),
        (OTHER, about(0.6)),
    ]


def test_a_stall_whose_end_is_not_written_yet_ends_at_its_last_sample() -> None:
    assert only(window(samples=samples(REPORT))).length == about(0.6 - PERIOD)


# The line to blame.


def test_the_line_in_most_samples_is_to_blame() -> None:
    taken = (
        sample(100.3, RANDINT, REPORT),
        sample(100.4, REPORT),
        sample(100.5, RANDINT, REPORT),
        sample(100.6, OTHER),
        sample(100.7, OTHER),
    )
    stall = only(window(ends=(end(),), samples=taken))
    assert (stall.frame, below(stall), seen(stall)) == (REPORT, RANDINT, 3)
    assert stall.samples == taken


def test_samples_of_another_stall_do_not_count() -> None:
    observation = window(ends=(end(), end(101.2, 101.9)), samples=samples(REPORT))
    assert [stall.frame for stall in found(observation)] == [REPORT, None]


def test_the_package_of_the_app_selects_the_frame() -> None:
    own = Frame("/x/site-packages/myapp/views.py", 4, "view")
    below = Frame("/x/site-packages/psycopg/cursor.py", 4, "execute")
    observation = window(ends=(end(),), samples=samples(below, own))
    assert [stall.frame for stall in found(observation, package="myapp")] == [own]
    assert [stall.frame for stall in found(observation)] == [below]


@pytest.mark.parametrize(
    ("frames", "frame"),
    [
        ((), None),
        ((REPORT,) * 2, REPORT),
        ((REPORT, None), REPORT),
        ((REPORT, None, None), None),
        ((REPORT, OTHER, None, None), REPORT),
        ((None,) * 3, None),
    ],
)
def test_half_of_the_samples_must_show_code_of_the_app(
    frames: tuple[Frame | None, ...], frame: Frame | None
) -> None:
    taken = tuple(
        sample(100.3 + 0.1 * number, *filter(None, [at]))
        if at
        else sample(100.3 + 0.1 * number, stack=SELECTING)
        for number, at in enumerate(frames)
    )
    assert only(window(ends=(end(),), samples=taken)).frame == frame


@pytest.mark.parametrize(
    ("limits", "frame"), [(1.1, REPORT), (2.6, REPORT), (2.7, None), (9.0, None)]
)
def test_one_sample_is_enough_only_for_a_short_stall(limits: float, frame: Frame | None) -> None:
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
def test_a_library_in_a_single_sample_is_not_to_blame(
    frame: Frame, package: str, times: int, *, blamed: bool
) -> None:
    observation = window(ends=(end(ended=BEGAN + 0.5),), samples=samples(frame, count=times))
    (stall,) = found(observation, package=package)
    assert stall.frame == (frame if blamed else None)


@pytest.mark.parametrize(
    ("queued", "frame"), [(0.0, REPORT), (0.5, REPORT), (0.75, REPORT), (0.85, None), (1.0, None)]
)
def test_a_stall_without_its_wait_for_a_processor_must_be_too_long(
    queued: float, frame: Frame | None
) -> None:
    taken = samples(REPORT, ran=1 - queued, queued=queued)
    stall = only(window(ends=(end(),), samples=taken))
    assert (stall.frame, stall.length) == (frame, about(1.0 - PERIOD))
    assert stall.too_short is (frame is None)


@pytest.mark.parametrize(
    ("changes", "waited"),
    [
        ({}, True),
        ({"ready": False}, False),
        ({"slices": 6}, False),  # it got a processor since, and the system counted the wait
        ({"ran": 2.0}, False),  # it has not waited, but run
    ],
)
def test_a_wait_for_a_processor_counts_while_it_goes_on(
    changes: dict[str, Any], *, waited: bool
) -> None:
    last = {"slices": 5, "ran": 1.0, "ready": True, **changes}
    taken = (sample(100.3, slices=5, ran=1.0, ready=True), sample(101.3, REPORT, **last))
    stall = only(window(ends=(end(ended=BEGAN + 1.3),), samples=taken))
    assert stall.waited is waited


@pytest.mark.parametrize(("count", "too_short"), [(0, True), (2, True), (3, False)])
def test_few_samples_may_show_no_line_yet(count: int, *, too_short: bool) -> None:
    taken = samples(*SELECTING, count=count)
    assert only(window(ends=(end(),), samples=taken)).too_short is too_short


@pytest.mark.parametrize(("ended", "goes_on"), [(ENDED - 0.1, False), (None, True)])
def test_a_stall_without_an_end_goes_on(ended: float | None, *, goes_on: bool) -> None:
    ends = (end(ended=ended),) if ended else ()
    silent = heartbeat(beat_at=ended or BEGAN)
    assert only(window(heartbeats=(silent,), ends=ends)).goes_on is goes_on


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
        "no other thread runs",
        "other threads run little",
        "the thread runs",
        "the thread sleeps",
    ],
)
def test_a_thread_that_waits_for_the_gil_is_not_to_blame(
    ran: float, others: float, slices: int, frame: Frame | None
) -> None:
    taken = samples(REPORT, ran=ran, others=others, slices=slices)
    assert only(window(ends=(end(),), samples=taken)).frame == frame


SEND = Frame("/x/site-packages/uvicorn/h11.py", 5, "send")


@pytest.mark.parametrize(("ran", "frame"), [(0.9, REPORT), (0.1, None)])
def test_an_app_that_sends_is_to_blame_if_the_thread_ran(ran: float, frame: Frame | None) -> None:
    assert only(window(ends=(end(),), samples=samples(SEND, REPORT, ran=ran))).frame == frame


# The part of a stall for which the thread ran.


@pytest.mark.parametrize("part", [0.0, 0.3, 1.0])
def test_a_stall_has_the_part_for_which_the_thread_ran(part: float) -> None:
    stall = only(window(ends=(end(),), samples=samples(REPORT, ran=part)))
    assert stall.ran == about(part)


@pytest.mark.parametrize(
    ("ran", "queued", "part"),
    [(0.2, 0.6, 0.5), (0.3, 0.7, 1.0), (0.0, 0.5, 0.0), (0.6, 0.5, 1.0), (0.0, 1.0, 0.0)],
)
def test_a_wait_for_a_processor_does_not_lessen_the_part(
    ran: float, queued: float, part: float
) -> None:
    stall = only(window(ends=(end(),), samples=samples(REPORT, ran=ran, queued=queued)))
    assert stall.ran == pytest.approx(part, abs=1e-6)


def test_the_part_is_known_from_two_samples_with_counters() -> None:
    for taken in (
        (),
        samples(REPORT, count=1),
        samples(REPORT, slices=0),
        (sample(100.3, REPORT, slices=5), sample(100.3, REPORT, slices=6)),
    ):
        assert only(window(ends=(end(),), samples=taken)).ran is None


def test_counters_before_the_first_sample_count_and_are_no_sample() -> None:
    first, *others = samples(REPORT, ran=0.0)
    counted = replace(first, stack=(), ran=first.ran - 0.3)
    stall = only(window(ends=(end(),), samples=(counted, *others)))
    assert stall.ran == about(1.0)
    assert (stall.frame, seen(stall), len(stall.samples)) == (REPORT, 3, 3)


def test_the_part_is_of_the_time_between_first_and_last_sample() -> None:
    taken = samples(REPORT, ran=0.0)
    last = replace(taken[-1], ran=taken[-1].ran + (taken[-1].at - taken[0].at))
    for order in ((last, *taken[:-1]), (taken[1], last, taken[0], taken[2])):
        assert only(window(ends=(end(),), samples=order)).ran == about(1.0)


@pytest.mark.parametrize(("importing", "imports"), [(4, True), (3, False), (0, False)])
def test_a_stall_imports_if_every_sample_shows_an_import(importing: int, *, imports: bool) -> None:
    module = Frame("<frozen importlib._bootstrap>", 1176, "_find_and_load")
    taken = (*samples(REPORT, module, OTHER)[:importing], *samples(REPORT)[importing:])
    assert only(window(ends=(end(),), samples=taken)).imports is imports
    assert not only(window(ends=(end(),))).imports


# C code that holds the GIL.


def held(frame: Frame, *times: float, by_another: int = 0) -> tuple[Sample, ...]:
    return tuple(sample(at, frame, gil_held=True, by_another=by_another) for at in times)


def test_code_that_holds_the_gil_is_known_from_its_samples() -> None:
    assert only(window(ends=(end(),), samples=held(REPORT, 100.3, 100.4))).gil_held
    assert not only(window(ends=(end(),), samples=samples(REPORT))).gil_held


def test_another_thread_in_two_samples_of_a_held_gil_is_to_blame() -> None:
    observation = window(ends=(end(),), samples=held(REPORT, 100.3, 100.4, by_another=9))
    assert (only(observation).frame, seen(only(observation))) == (REPORT, 2)


def test_threads_that_share_the_gil_in_turn_are_not_to_blame() -> None:
    one_each = chain.from_iterable(held(REPORT, 100.3 + n / 10, by_another=n) for n in range(1, 6))
    stall = only(window(ends=(end(),), samples=tuple(one_each)))
    assert (stall.frame, stall.samples, stall.gil_held) == (None, (), False)


def test_another_thread_that_let_the_watcher_run_shares_the_gil() -> None:
    taken = held(REPORT, 100.3, 100.4, by_another=9)
    shared = tuple(replace(one, watcher_ran_at=one.at) for one in taken)
    assert only(window(ends=(end(),), samples=shared)).frame is None


def test_another_thread_that_holds_the_gil_is_no_contention() -> None:
    taken = samples(REPORT, ran=0.0, others=1.0, slices=200)
    assert only(window(ends=(end(),), samples=taken)).frame is None
    holds = tuple(
        replace(one, stack=(OTHER,), outside=True, gil_held=True, by_another=9) for one in taken
    )
    stall = only(window(ends=(end(),), samples=holds))
    assert (stall.frame, stall.gil_held, stall.by_another) == (OTHER, True, True)


@pytest.mark.parametrize(("others", "shown"), [(0.9, True), (0.1, False)])
def test_a_held_gil_shows_without_a_stack_if_the_process_ran(others: float, *, shown: bool) -> None:
    taken = samples(ran=0.0, others=others, gil_held=True)
    blind = tuple(replace(one, stack=()) for one in taken)
    assert only(window(ends=(end(),), samples=blind)).shows_held_gil is shown
    late = tuple(replace(one, watcher_ran_at=one.at) for one in blind)
    assert not only(window(ends=(end(),), samples=late)).shows_held_gil


def test_the_longest_pass_of_the_collector_in_a_stall_is_known() -> None:
    passes = (
        Collection(PROCESS, BEGAN - 1, BEGAN + 0.3),
        Collection(PROCESS, BEGAN + 0.4, BEGAN + 0.6),
        Collection(8, BEGAN, BEGAN + 1),
    )
    observation = window(ends=(end(),), samples=samples(REPORT), collections=passes)
    assert only(observation).collected == about(0.3)
    assert only(window(ends=(end(),))).collected == 0.0


def test_a_pass_of_the_collector_that_goes_on_belongs_to_the_stall() -> None:
    silent = heartbeat(beat_at=BEGAN, pass_since=BEGAN + 0.2)
    assert only(window(heartbeats=(silent,))).collected == about(ENDED - BEGAN - 0.2)
    other = heartbeat(process=8, pass_since=BEGAN)
    assert only(window(heartbeats=(replace(silent, pass_since=0.0), other))).collected == 0.0


def test_the_apps_own_line_comes_before_a_librarys_from_outside() -> None:
    outside = tuple(replace(one, outside=True) for one in samples(LIBRARY))
    stall = only(window(ends=(end(),), samples=(*samples(REPORT, count=2), *outside[2:])))
    assert stall.frame == REPORT


def test_another_thread_in_one_sample_of_a_held_gil_does_not_count() -> None:
    taken = (*samples(REPORT, count=2), *held(OTHER, 100.6, by_another=9))
    stall = only(window(ends=(end(),), samples=taken))
    assert (stall.frame, seen(stall), len(stall.samples)) == (REPORT, 2, 2)


def test_samples_from_outside_blame_a_line_if_the_watchers_do_not() -> None:
    outside = tuple(replace(one, outside=True) for one in samples(RANDINT, REPORT))
    for inside in (samples(), samples(RANDINT)):  # where the GIL is released, as in I/O
        stall = only(window(ends=(end(),), samples=(*inside[:2], *outside[2:])))
        assert (stall.frame, below(stall), seen(stall)) == (REPORT, RANDINT, 2)
        assert stall.samples == outside[2:]


def test_two_samples_from_outside_come_before_the_watchers() -> None:
    outside = tuple(replace(one, outside=True) for one in samples(REPORT))
    stall = only(window(ends=(end(),), samples=(*samples(OTHER, count=2), *outside[2:])))
    assert (stall.frame, seen(stall), len(stall.samples)) == (REPORT, 2, 2)
    blind = tuple(replace(one, stack=SELECTING) for one in outside)
    stall = only(window(ends=(end(),), samples=(*samples(OTHER, count=2), *blind[2:])))
    assert (stall.frame, seen(stall), len(stall.samples)) == (OTHER, 2, 2)


def test_one_sample_from_outside_does_not_outweigh_many() -> None:
    taken = samples(REPORT, count=9)
    wrong = replace(samples(OTHER, count=9)[4], outside=True, gil_held=True)  # the watcher was late
    stall = only(window(ends=(end(ended=101.5),), samples=(*taken[:4], wrong, *taken[5:])))
    assert stall.frame == REPORT


def test_a_watcher_that_was_late_twice_is_no_held_gil() -> None:
    taken = samples(REPORT, count=9)
    late = tuple(replace(one, outside=True, gil_held=True) for one in taken[4:6])
    observation = window(ends=(end(ended=101.5),), samples=(*taken[:4], *late, *taken[6:]))
    stall = only(observation)
    assert (stall.frame, stall.gil_held, len(stall.samples)) == (REPORT, False, 7)


def test_samples_without_a_stack_blame_no_line() -> None:
    blind = tuple(sample(at, stack=(), gil_held=True) for at in (100.3, 100.4))
    stall = only(window(ends=(end(),), samples=blind))
    assert (stall.frame, stall.gil_held, stall.length) == (None, True, about(1 - PERIOD))
