"""The line that samples have in common: the loop, and not one of its helpers."""

from __future__ import annotations

import pytest

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.line import Line, line
from tests.kit.checking.windows import INSTALLED, LOOP, RANDINT, SELECTING

DRAW = Frame("/srv/app.py", 3, "draw")
RANK = Frame("/srv/app.py", 7, "rank")
FIRST = Frame("/srv/app.py", 12, "simulate")
SECOND = Frame("/srv/app.py", 13, "simulate")
OTHER = Frame("/srv/app.py", 40, "other")
LIBRARY = Frame(f"{INSTALLED}/numpy/linalg.py", 5, "solve")


def of(*callbacks: tuple[Frame, ...], package: str = "") -> Line | None:
    return line([(*callback, *LOOP) for callback in callbacks], package)


def test_a_loop_over_helpers_is_to_blame_and_not_a_helper() -> None:
    found = of((DRAW, FIRST), (DRAW, FIRST), (RANK, SECOND))
    assert found
    assert (found.frame, found.below, found.seen) == (FIRST, DRAW, 3)
    assert found.frames == (DRAW, FIRST)


def test_a_helper_in_all_samples_is_to_blame() -> None:
    found = of((DRAW, FIRST), (RANDINT, DRAW, FIRST), (RANDINT, DRAW, FIRST))
    assert found
    assert (found.frame, found.below, found.seen) == (DRAW, RANDINT, 3)


def test_one_sample_in_the_loop_itself_makes_the_loop_the_line() -> None:
    found = of((DRAW, FIRST), (DRAW, FIRST), (FIRST,))
    assert found
    assert (found.frame, found.below) == (FIRST, DRAW)


def test_a_function_that_calls_itself_is_compared_call_by_call() -> None:
    inner = Frame("/srv/app.py", 4, "draw")
    found = of((inner, DRAW, FIRST), (inner, DRAW, DRAW, FIRST))
    assert found
    assert (found.frame, found.seen) == (inner, 2)


def test_samples_of_other_callbacks_do_not_count() -> None:
    found = of((DRAW, FIRST), (RANK, SECOND), (OTHER,))
    assert found
    assert (found.frame.function, found.seen) == ("simulate", 2)


@pytest.mark.parametrize("callback", [SELECTING, LOOP, ()])
def test_samples_without_a_callback_have_no_line(callback: tuple[Frame, ...]) -> None:
    assert line([callback], "") is None


def test_code_between_two_functions_of_the_app_does_not_part_them() -> None:
    found = of((DRAW, LIBRARY, FIRST), (DRAW, LIBRARY, FIRST))
    assert found
    assert (found.frame, found.below) == (DRAW, None)
    assert of((LIBRARY, FIRST)) == Line(FIRST, LIBRARY, 1, (LIBRARY, FIRST))
