"""What changed between two checks, request by request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asgi_liveness.changes import Change, ChangeKind
from asgi_liveness.checking.changes import ORDER, compare
from asgi_liveness.checking.report import Report, Verdict
from tests.kit.checking.made import CULPRIT, IDLE, INCONCLUSIVE, LIVE, STALLED, report

SHORT = replace(STALLED, longest_stall_s=1.0, longest_silence_s=1.0, strip="." * 20 + "|" * 60)
"""A stall that is over when the window ends."""


def kinds(old: Report, new: Report) -> list[ChangeKind]:
    return [change.kind for change in compare(old, new).changes]


def test_a_check_is_as_itself() -> None:
    made = report(LIVE, STALLED)
    assert (compare(made, made).changes, compare(made, made).compared) == ((), 3)


def test_a_stall_that_is_there_now_is_worse_and_has_its_line() -> None:
    found = compare(report(LIVE), report(STALLED))
    line = "myapp/reports.py:12 in report()"
    row = Change("GET /report", "live", "stalled", ChangeKind.WORSE, line)
    assert (found.changes, found.exit_code) == ((row,), 1)
    assert kinds(report(STALLED), report(LIVE)) == [ChangeKind.BETTER]


@pytest.mark.parametrize("other", [LIVE, STALLED])
def test_an_inconclusive_window_is_neither_better_nor_worse(other: object) -> None:
    assert isinstance(other, type(LIVE))
    assert kinds(report(other), report(INCONCLUSIVE)) == [ChangeKind.UNSURE]
    assert kinds(report(INCONCLUSIVE), report(other)) == [ChangeKind.UNSURE]


def test_verdicts_have_the_order_in_which_they_are_declared() -> None:
    assert [verdict for verdict in Verdict if verdict in ORDER] == [*ORDER]
    assert {*Verdict} - {*ORDER} == {Verdict.INCONCLUSIVE, Verdict.NOT_CHECKED}


def test_requests_of_one_check_alone_are_new_or_gone() -> None:
    other = replace(STALLED, during="GET /other")
    found = compare(report(LIVE), report(other))
    assert [(row.subject, row.kind) for row in found.changes] == [
        ("GET /other", ChangeKind.NEW),
        ("GET /report", ChangeKind.GONE),
    ]
    assert found.exit_code == 0


def test_a_request_that_is_named_twice_has_two_rows() -> None:
    found = compare(report(LIVE, LIVE), report(LIVE, STALLED))
    assert [row.subject for row in found.changes] == ["GET /report (2)"]


def test_another_culprit_is_a_change_and_a_line_that_moved_is_none() -> None:
    moved = replace(STALLED, culprit=replace(CULPRIT, line=99))
    assert kinds(report(STALLED), report(moved)) == []
    other = replace(STALLED, culprit=replace(CULPRIT, function="other"))
    (row,) = compare(report(STALLED), report(other)).changes
    assert (row.kind, row.after) == (ChangeKind.CHANGED, "myapp/reports.py:12 in other()")


# Times.


def longer(seconds: float) -> Report:
    return report(replace(SHORT, longest_stall_s=seconds))


def test_a_time_has_changed_if_it_differs_by_more_than_the_noise() -> None:
    assert kinds(report(SHORT), longer(1.04)) == []
    (row,) = compare(report(SHORT), longer(1.2)).changes
    assert (row.before, row.after) == ("stall 1.0 s", "stall 1.2 s")
    assert row.kind is ChangeKind.CHANGED


def test_the_silence_of_the_idle_app_is_the_noise() -> None:
    loud = replace(IDLE, longest_silence_s=0.5)
    made = replace(longer(1.2), routes=(loud, *longer(1.2).routes[1:]))
    found = compare(report(SHORT), made)
    assert (found.changes, found.notes) == ((), ("times count as changed by more than 500 ms",))


def test_a_stall_that_the_window_cut_has_no_time_to_compare() -> None:
    assert kinds(report(STALLED), report(replace(STALLED, longest_stall_s=9.0))) == []


def test_no_time_is_compared_without_the_idle_app_or_on_another_machine() -> None:
    alone = replace(longer(9.0), routes=longer(9.0).routes[1:])
    assert kinds(report(SHORT), alone) == [ChangeKind.GONE]
    other = replace(longer(9.0), system={"platform": "Linux", "cores": 64})
    found = compare(report(SHORT), other)
    assert found.changes == ()
    assert "no time was compared" in found.notes[-1]
    assert "cores 2, then cores 64" in found.notes
