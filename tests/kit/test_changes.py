"""Rows of what changed: an order decides, and what is outside of it is neither better nor worse."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asgi_liveness.changes import Change, ChangeKind, Comparison, judged
from tests.kit.hostile import PATIENTLY

ORDER = ("failed", "differs", "passed")
UNJUDGED = ("inconclusive", "error")
WORDS = st.sampled_from([*ORDER, *UNJUDGED])
OPPOSITE = {
    ChangeKind.WORSE: ChangeKind.BETTER,
    ChangeKind.BETTER: ChangeKind.WORSE,
    ChangeKind.UNSURE: ChangeKind.UNSURE,
    None: None,
}


def test_the_order_decides_what_is_worse() -> None:
    assert judged("passed", "failed", ORDER) is ChangeKind.WORSE
    assert judged("passed", "differs", ORDER) is ChangeKind.WORSE
    assert judged("failed", "differs", ORDER) is ChangeKind.BETTER
    assert judged("failed", "failed", ORDER) is None


@PATIENTLY
@given(WORDS, WORDS)
def test_the_way_back_is_the_opposite(before: str, after: str) -> None:
    assert judged(after, before, ORDER) is OPPOSITE[judged(before, after, ORDER)]


@PATIENTLY
@given(WORDS, st.sampled_from(UNJUDGED))
def test_what_was_not_judged_is_neither_better_nor_worse(word: str, unjudged: str) -> None:
    if word != unjudged:
        assert judged(word, unjudged, ORDER) is ChangeKind.UNSURE


def test_only_something_worse_is_a_failure() -> None:
    for kind in ChangeKind:
        found = Comparison((Change("a", "b", "c", kind),), 1, "cell")
        assert found.exit_code == (1 if kind is ChangeKind.WORSE else 0)
        assert found.of(kind) == found.changes
        assert found.without_gone().changes == (() if kind is ChangeKind.GONE else found.changes)
