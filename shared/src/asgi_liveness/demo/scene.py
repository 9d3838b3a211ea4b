"""What a view shows at one moment. Pure; every view draws from it alone.

The rule: all text in it is plain, whatever an app wrote into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asgi_liveness.demo.excerpt import NOTHING
from asgi_liveness.demo.lanes import ALLOWED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.demo.excerpt import Excerpt
    from asgi_liveness.demo.holder import Held
    from asgi_liveness.inside.ledger import Loop


@dataclass(frozen=True)
class ProbeLane:
    """The probes of one path."""

    path: str
    marks: str
    """See ``lanes.ProbeMark``; the newest at the right."""
    silent: float = 0.0
    """Seconds without an answer."""


@dataclass(frozen=True)
class RunningLoops:
    """The loops of one route that run now."""

    path: str
    count: int
    steps: int


@dataclass(frozen=True)
class Scene:
    """One moment of the demo."""

    title: str
    """The framework and the server."""
    framework: str = ""
    lanes: tuple[ProbeLane, ...] = ()
    state: str = ""
    """As ``contract.State``; empty while the app starts."""
    words: str = ""
    """The state in one sentence."""
    running: tuple[RunningLoops, ...] = ()
    held: Held | None = None
    """The line that holds the event loop; None while it runs."""
    chosen: str = ""
    """The path of the route that was started last."""
    does: str = ""
    excerpt: Excerpt = NOTHING
    """The source of its handler."""


def running(loops: Sequence[Loop]) -> tuple[RunningLoops, ...]:
    """Return the loops that have not ended, by route."""
    alive = [loop for loop in loops if not loop.ended]
    return tuple(
        RunningLoops(
            path,
            sum(loop.route == path for loop in alive),
            sum(loop.steps for loop in alive if loop.route == path),
        )
        for path in dict.fromkeys(loop.route for loop in alive)
    )


def state_of(lanes: Sequence[ProbeLane], *, is_held: bool) -> tuple[str, str]:
    """Return the state that the *lanes* show, and a sentence on it.

    *is_held* is whether the event loop stalls.
    """
    late = [lane for lane in lanes if lane.silent > ALLOWED or is_held]
    if not late:
        return "answering", "Answering: every route responds."
    paths = " and ".join(lane.path for lane in late)
    silence = f"no answer from {paths} for {min(lane.silent for lane in late):.1f} s"
    if is_held:
        return "frozen", f"FROZEN: {silence}."
    others = "; other routes respond" if len(late) < len(lanes) else ""
    return "starved", f"STARVED: {silence}{others}."
