"""The line that samples have in common: the loop, and not one of its helpers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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


# Where the syntax is known.

SHOP = """\
def is_even(number):
    return number % 2 == 0

def find(numbers):
    for number in numbers:
        if is_even(number):
            return number

def report():
    return find([1, 3])

def evens(numbers):
    return [number for number in numbers if is_even(number)]

def pick(numbers):
    while numbers:
        find(numbers)

def sell():
    found = find([1, 3])
    return evens([found])

def sell_all():
    for _ in range(9):
        find([1, 3])
        evens([3])
"""


Shop = Callable[[str, int], Frame]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    (tmp_path / "shop.py").write_text(SHOP)
    return lambda function, number: Frame(str(tmp_path / "shop.py"), number, function)


def frame_of(found: Line | None) -> Frame | None:
    return found.frame if found else None


@pytest.mark.parametrize(("deeper", "blamed"), [(9, ("find", 5)), (2, ("report", 10))])
def test_a_sample_at_a_line_that_runs_once_hides_no_function(
    shop: Shop, deeper: int, blamed: tuple[str, int]
) -> None:
    find, report = shop("find", 5), shop("report", 10)
    found = of(*[(find, report)] * deeper, *[(report,)] * 2)
    assert frame_of(found) == shop(*blamed)
    assert found
    assert found.seen == (deeper if blamed[0] == "find" else deeper + 2)


@pytest.mark.parametrize(
    ("others", "at", "blamed"),
    [(1, (20, 21), ("find", 5)), (4, (20, 21), ("sell", 20)), (1, (25, 26), ("sell_all", 25))],
)
def test_a_sample_in_what_is_called_next_hides_no_function(
    shop: Shop, others: int, at: tuple[int, int], blamed: tuple[str, int]
) -> None:
    caller = "sell" if at[0] == 20 else "sell_all"
    finds = [(shop("find", 5), shop(caller, at[0]))] * 8
    assert frame_of(of(*finds, *[(shop("evens", 13), shop(caller, at[1]))] * others)) == shop(
        *blamed
    )


def test_a_sample_in_the_loop_is_of_the_loop_however_few_there_are(shop: Shop) -> None:
    find, pick = shop("find", 5), shop("pick", 17)
    assert frame_of(of(*[(find, pick)] * 9, (pick,))) == pick


@pytest.mark.parametrize(
    ("stack", "ran", "held", "blamed"),
    [
        ([("is_even", 2), ("find", 6)], True, False, ("find", 6)),
        ([("is_even", 2), ("find", 6)], False, False, ("is_even", 2)),  # it waits
        ([("is_even", 2), ("find", 6)], True, True, ("is_even", 2)),  # a long call of C code
        ([("is_even", 2), ("evens", 13)], True, False, ("evens", 13)),
        ([("find", 5), ("pick", 17)], True, False, ("find", 5)),  # it has a loop of its own
        ([("find", 5), ("report", 10)], True, False, ("find", 5)),
    ],
)
def test_a_helper_without_a_loop_is_not_to_blame_for_one_that_calls_it(
    shop: Shop, stack: list[tuple[str, int]], *, ran: bool, held: bool, blamed: tuple[str, int]
) -> None:
    frames = [shop(*frame) for frame in stack]
    assert frame_of(line([(*frames, *LOOP)] * 3, "", ran=ran, held=held)) == shop(*blamed)


def test_a_helper_that_calls_a_library_is_to_blame(shop: Shop) -> None:
    helper = shop("is_even", 2)
    found = line([(LIBRARY, helper, shop("find", 6), *LOOP)] * 3, "", ran=True)
    assert frame_of(found) == helper
