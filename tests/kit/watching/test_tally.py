"""Stalls by culprit, with bounds."""

from __future__ import annotations

from asgi_liveness.stalls.merged import MergedStack
from asgi_liveness.watching.report import rows_of
from asgi_liveness.watching.tally import MOST, Tally
from tests.kit.watching.made import CULPRIT, named_stall


def test_stalls_of_one_group_add_up_in_one_row() -> None:
    tally = Tally()
    tally.add(named_stall(0.5))
    tally.add(named_stall(2.0, request="POST /report"))
    tally.add(named_stall(0.3, group=("app/login.py", "login", 40), request=""))
    first, second = tally.ordered
    assert (first.stalls, first.total, first.longest, first.culprit) == (2, 2.5, 2.0, CULPRIT)
    assert first.requests == {"GET /report": 1, "POST /report": 1}
    assert (second.stalls, second.total) == (1, 0.3)
    assert (tally.stalls, tally.total) == (3, 2.8)
    assert (tally.times(named_stall()), tally.times(named_stall(group=("", "", 0)))) == (2, 0)


def test_a_row_shows_the_culprit_of_its_longest_stall() -> None:
    tally = Tally()
    tally.add(named_stall(0.5, culprit=None, because="too short to see", is_finding=False))
    tally.add(named_stall(2.0))
    tally.add(named_stall(0.4, culprit=None, because="too short to see", is_finding=False))
    (row,) = tally.ordered
    assert (row.culprit, row.because, row.is_finding) == (CULPRIT, "", True)


def test_further_culprits_and_requests_share_a_row() -> None:
    tally = Tally()
    for number in range(MOST + 50):
        group = (f"app/{number}.py", "f", number)
        tally.add(named_stall(1.0, group=group, request=f"GET /{number}"))
        tally.add(named_stall(1.0, group=("app/a.py", "f", 1), request=f"GET /{number}"))
    assert len(tally.rows) == MOST + 1
    assert tally.stalls == 2 * (MOST + 50)
    last = tally.rows["", "further lines", 0]
    assert (last.culprit, last.because, last.stalls) == (None, "further lines", 51)
    assert max(len(row.requests) for row in tally.rows.values()) == 20


def test_a_row_keeps_the_times_of_its_last_stalls_and_the_samples_of_the_longest() -> None:
    tally = Tally()
    for number in range(150):
        stacks = (MergedStack(number, ("a.py:1 in f()",)),)
        tally.add(named_stall(seconds=1.0 + number % 7, at=1000.0 + number, stacks=stacks))
    (row,) = rows_of(tally, 1000.0)
    assert (row.stalls, len(row.last), row.last[-1]) == (150, 100, (149.0, 1.0 + 149 % 7))
    assert [stack.samples % 7 for stack in row.stacks] == [6]
