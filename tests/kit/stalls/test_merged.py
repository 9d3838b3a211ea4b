"""Samples of the same frames are one stack; how many are kept is bounded."""

from __future__ import annotations

from asgi_liveness.serving.records import Frame, Sample
from asgi_liveness.stalls.merged import MOST, MergedStack, merged
from tests.kit.checking.windows import INSTALLED

HANDLER = Frame("/srv/app.py", 12, "report")
INNER = Frame(f"{INSTALLED}/driver/client.py", 3, "query")


def sample(*stack: Frame) -> Sample:
    return Sample(7, 0.0, 0.0, stack)


def test_stacks_are_counted_from_the_outermost_frame_on() -> None:
    samples = [sample(INNER, HANDLER), sample(HANDLER), sample(INNER, HANDLER), sample()]
    outer, inner = "/srv/app.py:12 in report()", "driver/client.py:3 in query()"
    assert merged(samples) == (MergedStack(2, (outer, inner)), MergedStack(1, (outer,)))


def test_the_number_of_stacks_and_their_depth_are_bounded() -> None:
    many = [sample(*[Frame("/a.py", line, "f")] * 500) for line in range(500)]
    found = merged(many)
    assert len(found) == MOST
    assert max(len(stack.frames) for stack in found) < 500
