"""What was seen, and what it shows. Pure: times are numbers in seconds, nothing is measured here.

The order of events judges, never a number of milliseconds: a probe counts as answered if its
answer came before the moment of judgement, while the loop was still running.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance.contract import State, Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asgi_liveness.inside.ledger import Loop
    from asgi_liveness.probing.response import Response, SentRequest

LATE_LIMIT: Final = 0.5
"""Seconds. A prober that sent later than this cannot hold a failure against the target; in the
trial of the engine it was late by up to 0.25 s with both cores busy."""


@dataclass(frozen=True)
class Observation:
    """One window, as it was seen."""

    window: Window
    judged_at: float
    probes: tuple[SentRequest, ...]
    jobs: tuple[SentRequest, ...]
    """The requests that started the loops."""
    loops: tuple[Loop, ...]
    """The loops of the window at the moment of judgement."""
    steps: int
    """Steps of all its loops between the first probe and the judgement."""
    kept_running: bool
    """Every job made a step after the last probe was answered or given up."""
    beats: int
    """Turns of the event loop's heartbeat between the first probe and the judgement."""
    recovered: bool
    """After the stop all loops ended and all requests were answered."""
    ended: str = ""
    """The server's last words, where it ended in the window."""
    log: str = ""
    """What the server wrote to its standard error."""
    told: Mapping[str, Response] = field(default_factory=dict)
    """What a job was asked, once it ran, and its answers; and the last request on its connection,
    as ``again``."""
    ended_after: float | None = None
    """Seconds from what happened to the loops (see ``Then``) until all of them had ended."""
    answered: Mapping[str, int] = field(init=False)
    """Probes answered in the window, by path."""

    def __post_init__(self) -> None:
        answered = Counter(probe.path for probe in self.probes if probe.answered_by(self.judged_at))
        object.__setattr__(self, "answered", answered)

    def response(self, path: str) -> Response | None:
        """Return what the first request that started a loop at *path* was answered."""
        return next((job.response for job in self.jobs if job.path == path), None)

    @property
    def started(self) -> int:
        """Loops that made a step."""
        return sum(1 for loop in self.loops if loop.steps)

    @property
    def refused(self) -> tuple[Response, ...]:
        """Answers of no success to the requests that should have started a loop."""
        return tuple(job.response for job in self.jobs if job.response and job.response.refused)

    @property
    def rate(self) -> float:
        """Steps of all loops a second."""
        return self.steps / (self.judged_at - self.probes[0].due)

    @property
    def total_answered(self) -> int:
        """Probes answered in the window."""
        return sum(self.answered.values())

    @property
    def waits(self) -> list[float]:
        """How long each probe waited, in seconds from when it was due, the shortest first.

        One that was not answered in the window waited to the judgement.
        """
        return sorted(
            (
                probe.response.at
                if probe.response and probe.answered_by(self.judged_at)
                else self.judged_at
            )
            - probe.due
            for probe in self.probes
        )

    @property
    def longest_wait(self) -> float:
        """The longest of the waits."""
        return max(self.waits, default=0.0)

    @property
    def p99(self) -> float:
        """The wait that 99 of 100 probes do not exceed."""
        return self.waits[math.ceil(0.99 * len(self.probes)) - 1]

    @property
    def state(self) -> State:
        """What the window shows.

        Without an answer, the app is frozen if a loop steps in the event loop's own thread and
        the event loop did not turn; if it turned, or if all steps are made in other threads, it
        is starved: those threads keep the interpreter to themselves.
        """
        if not self.kept_running:
            return State.NOT_RUNNING
        if self.total_answered == len(self.probes):
            return State.ALIVE
        if self.total_answered:
            return State.MIXED
        blocked = any(loop.on_event_loop and not loop.ended for loop in self.loops)
        could_turn = self.window.jobs and not blocked
        return State.STARVED if could_turn or self.beats else State.FROZEN
