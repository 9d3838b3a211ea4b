"""Whether what may still come can change the line of a stall."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.certain import is_certain
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.stalls.stalls import stalls
from tests.kit.checking.windows import (
    BEGAN,
    ENDED,
    INSTALLED,
    LIMIT,
    REPORT,
    end,
    heartbeat,
    samples,
    stalled,
)

CRITERIA = Criteria(LIMIT)
LEFT = 1.5  # seconds; the stalls of these tests last for 2 s
HELPER = Frame("/srv/myapp/helpers.py", 2, "work")
IMPORTING = Frame("<frozen importlib._bootstrap>", 1027, "_find_and_load")


def certain(*frames: Frame, left: float = LEFT, limit: float = LIMIT, **changes: Any) -> bool:
    """Whether a stall is certain; by default 17 samples show *frames* from its first to its end."""
    seen = samples(*(frames or (REPORT,)), count=17)
    (stall,) = stalls(stalled(**{"samples": seen, **changes}), Criteria(limit))
    return is_certain(stall, left, Criteria(limit))


def test_a_long_stall_at_one_line_is_certain() -> None:
    assert certain()


@pytest.mark.parametrize(("left", "expected"), [(1.9, True), (2.1, False)])
def test_a_stall_is_certain_once_it_is_longer_than_what_is_left(
    left: float, *, expected: bool
) -> None:
    assert certain(left=left) is expected


@pytest.mark.parametrize(("limit", "expected"), [(0.35, True), (0.45, False)])
def test_a_stall_lasts_for_several_times_the_limit(limit: float, *, expected: bool) -> None:
    assert certain(limit=limit) is expected


@pytest.mark.parametrize(("count", "expected"), [(9, False), (10, True)])
def test_ten_samples_are_enough(count: int, *, expected: bool) -> None:
    assert certain(samples=samples(REPORT, count=count)) is expected


def test_a_stall_that_is_over_is_not_certain() -> None:
    assert not certain(heartbeats=(heartbeat(),), ends=(end(BEGAN, ENDED - 0.1),))


def test_another_line_of_the_same_function_changes_nothing() -> None:
    other = REPORT._replace(line=13)
    assert certain(samples=(*samples(REPORT, count=9), *samples(other, count=18)[9:]))


def test_a_sample_in_another_function_leaves_the_line_open() -> None:
    assert not certain(
        samples=(*samples(REPORT, count=16), *samples(HELPER, REPORT, count=17)[16:])
    )


def test_the_import_of_a_module_is_not_certain() -> None:
    assert not certain(IMPORTING, REPORT)


def test_another_library_below_the_line_changes_nothing() -> None:
    library = Frame(f"{INSTALLED}/numpy/linalg.py", 5, "solve")
    assert certain(samples=(*samples(REPORT, count=9), *samples(library, REPORT, count=18)[9:]))


IN_LOOP = """\
def work():
    while True:
        pass

async def report():
    while True:
        work()
"""
ONCE = IN_LOOP.replace("    while True:\n        work()", "    work()\n")


@pytest.mark.parametrize(
    ("source", "line", "expected"),
    [(ONCE, 6, True), (IN_LOOP, 7, False)],
    ids=["once", "in a loop"],
)
def test_a_helper_is_certain_unless_a_loop_calls_it(
    source: str, line: int, tmp_path: Path, *, expected: bool
) -> None:
    file = tmp_path / "reports.py"
    file.write_text(source)
    frames = Frame(str(file), 3, "work"), Frame(str(file), line, "report")
    assert certain(*frames, left=0.3) is expected


def test_a_helper_is_not_certain_while_its_caller_may_call_another(tmp_path: Path) -> None:
    file = tmp_path / "reports.py"
    file.write_text(ONCE)
    frames = Frame(str(file), 3, "work"), Frame(str(file), 6, "report")
    assert not certain(*frames, left=0.9)
