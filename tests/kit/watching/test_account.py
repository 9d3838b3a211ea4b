"""Which stalls of a watch are reported, and when; the clock is a number."""

from __future__ import annotations

from typing import Any

from asgi_liveness.stalls.stalls import Stall
from asgi_liveness.watching.account import Account
from asgi_liveness.watching.named_stall import NamedStall
from tests.kit.checking.windows import OTHER, PROCESS
from tests.kit.watching.made import line, named_stall, stall

LIMIT = 0.2


def name(found: Stall) -> NamedStall:
    where = found.line.frame.file if found.line else ""
    return named_stall(found.length, goes_on=found.goes_on, group=(where, "", 0))


def account() -> Account:
    return Account(LIMIT, name)


def reported(
    found: Account, now: float, *stalls: Stall, **how: Any
) -> list[tuple[float, bool, int]]:
    """What is reported: the length, whether the stall goes on, and how many there were before."""
    return [
        (each.seconds, each.goes_on, times)
        for each, times, is_due in found.look(stalls, now, **how)
        if is_due
    ]


def test_a_stall_is_reported_once_while_it_goes_on_and_once_at_its_end() -> None:
    watch = account()
    assert reported(watch, 100.3, stall(0.3, goes_on=True)) == [(0.3, True, 0)]
    assert reported(watch, 100.4, stall(0.4, goes_on=True)) == []
    assert reported(watch, 103.0, stall(3.0)) == [(3.0, False, 0)]
    assert reported(watch, 103.1, stall(3.0)) == []
    assert (watch.tally.stalls, watch.tally.total) == (1, 3.0)


def test_a_stall_whose_end_nobody_wrote_is_over_after_a_while() -> None:
    watch = account()
    assert reported(watch, 100.5, stall(0.5, goes_on=True)) == [(0.5, True, 0)]
    assert reported(watch, 101.0) == []
    assert (watch.tally.stalls, watch.first_began) == (0, 100.0)
    assert reported(watch, 110.0) == [(0.5, False, 0)]
    assert (watch.tally.stalls, watch.first_began) == (1, None)
    assert reported(watch, 110.1, stall(0.6)) == []  # its end, after all


def test_the_stalls_so_far_have_those_that_go_on() -> None:
    watch = account()
    reported(watch, 103.0, stall(3.0))
    reported(watch, 200.5, stall(0.5, began=200.0, goes_on=True))
    assert (watch.so_far.stalls, watch.so_far.total) == (2, 3.5)
    assert (watch.tally.stalls, watch.tally.total) == (1, 3.0)


def test_the_end_of_a_stall_that_was_not_reported_is_only_counted() -> None:
    watch = account()
    assert reported(watch, 100.3, stall(0.3)) == [(0.3, False, 0)]
    assert reported(watch, 100.7, stall(0.3, began=100.4, goes_on=True)) == []
    assert reported(watch, 100.9, stall(0.5, began=100.4)) == []
    assert (watch.tally.stalls, watch.tally.total) == (2, 0.8)


def test_one_culprit_is_reported_once_a_second_and_counted_each_time() -> None:
    watch = account()
    ends = [stall(0.3, began=100 + 0.4 * number) for number in range(6)]
    lines = [reported(watch, each.began + 0.3, each) for each in ends]
    assert [times for row in lines for _, _, times in row] == [0, 3]
    assert watch.tally.stalls == 6


def test_another_culprit_is_reported_at_once() -> None:
    watch = account()
    assert reported(watch, 100.3, stall(0.3))
    assert reported(watch, 100.7, stall(0.3, began=100.4, line=line(OTHER))) == [(0.3, False, 0)]


def test_a_stall_waits_a_moment_for_its_line() -> None:
    watch = account()
    assert reported(watch, 100.25, stall(0.25, goes_on=True, line=None)) == []
    assert reported(watch, 100.3, stall(0.3, goes_on=True)) == [(0.3, True, 0)]


def test_a_stall_without_a_line_is_reported_in_the_end() -> None:
    watch = account()
    assert reported(watch, 100.5, stall(0.5, goes_on=True, line=None)) == [(0.5, True, 0)]


def test_a_stall_whose_end_is_not_known_yet_is_counted_once() -> None:
    watch = account()
    reported(watch, 100.3, stall(0.3, goes_on=True))
    assert reported(watch, 101.9) == []
    assert reported(watch, 102.0, stall(1.8)) == [(1.8, False, 0)]
    assert watch.tally.stalls == 1


def test_a_process_that_ends_takes_its_stall_with_it() -> None:
    watch = account()
    reported(watch, 100.3, stall(0.3, goes_on=True))
    reported(watch, 101.3, stall(1.3, goes_on=True))
    assert reported(watch, 101.4, ended={PROCESS}) == [(1.3, False, 0)]
    assert (watch.tally.stalls, watch.stalled, watch.first_began) == (1, set(), None)


def test_the_end_of_a_watch_is_the_end_of_every_stall() -> None:
    watch = account()
    reported(watch, 100.3, stall(0.3, goes_on=True))
    assert watch.stalled == {PROCESS}
    assert watch.first_began == 100.0
    assert reported(watch, 102.0, stall(2.0, goes_on=True), is_end=True) == [(2.0, False, 0)]
    assert watch.tally.stalls == 1


def test_an_account_of_a_week_stays_small() -> None:
    watch = account()
    for number in range(10_000):
        began = 60.0 * number
        reported(watch, began + 0.3, stall(0.3, began=began, goes_on=True, process=number))
        reported(watch, began + 0.5, stall(0.5, began=began, process=number))
    assert watch.tally.stalls == 10_000
    assert max(len(watch._over), len(watch._last), len(watch._reported), len(watch._going)) <= 2
