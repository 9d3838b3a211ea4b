"""What a scene says of lanes and loops."""

from __future__ import annotations

import pytest

from asgi_liveness.demo.scene import ProbeLane, RunningLoops, running, state_of
from asgi_liveness.inside.ledger import Loop


def lanes(*silent: float) -> list[ProbeLane]:
    """Two lanes that have been silent for so many seconds."""
    return [ProbeLane(path, "", each) for path, each in zip(("/a", "/b"), silent, strict=True)]


@pytest.mark.parametrize(
    ("silent", "is_held", "state", "part"),
    [
        ((0.0, 0.9), False, "answering", "every route"),
        ((0.3, 0.4), True, "frozen", "/a and /b for 0.3 s"),
        ((0.0, 2.0), False, "starved", "/b for 2.0 s; other routes respond"),
        ((3.0, 2.0), False, "starved", "/a and /b for 2.0 s."),
    ],
)
def test_the_state_is_that_of_lanes_and_event_loop(
    silent: tuple[float, float], is_held: bool, state: str, part: str
) -> None:
    found, words = state_of(lanes(*silent), is_held=is_held)
    assert found == state
    assert part in words


def test_loops_that_run_are_counted_by_route() -> None:
    def loop(route: str, steps: int, ended: bool = False) -> Loop:
        return Loop(route, "", steps, ended=ended, on_event_loop=False, in_app=True)

    loops = [loop("/a", 1), loop("/b", 2, ended=True), loop("/c", 3), loop("/a", 4)]
    assert running(loops) == (RunningLoops("/a", 2, 5), RunningLoops("/c", 1, 3))
