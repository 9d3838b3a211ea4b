"""One observed window, and the state that it shows. Pure: it takes times in seconds as numbers.

The rule: the order of events decides, never a number of milliseconds. A probe counts as answered
if its response came before the moment of judgement, while the loop still ran.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from asgi_liveness.conformance.contract import State, Window
from asgi_liveness.page.timeline import timeline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asgi_liveness.inside.ledger import Loop
    from asgi_liveness.page.timeline import Timeline
    from asgi_liveness.probing.response import Response, SentRequest


@dataclass(frozen=True)
class Observation:
    """The record of one window."""

    window: Window
    judged_at: float
    probes: tuple[SentRequest, ...]
    load: tuple[SentRequest, ...]
    """The requests that started the loops."""
    loops: tuple[Loop, ...]
    """The loops of the window, at the moment of judgement."""
    steps: int
    """Steps of all loops between the first probe and the judgement."""
    kept_running: bool
    """Whether the loops still made steps after the last probe was answered or given up."""
    beats: int
    """Heartbeats of the event loop between the first probe and the judgement."""
    recovered: bool
    """Whether all loops ended, and all requests got responses, after the stop."""
    ended: str = ""
    """The last lines of the server's log, if the server ended in the window."""
    log: str = ""
    """The server's output to its standard error in the window."""
    followups: Mapping[str, Response] = field(default_factory=dict)
    """The responses to further requests: to a job's ``Location`` by method, to the list of the jobs
    as ``GET all``, and before and after a loop raised as ``before`` and ``again``."""
    ended_after: float | None = None
    """Seconds from the event of the window (see ``Then``) until all loops had ended."""
    steps_at: tuple[int, ...] = ()
    """The steps of all loops, when the probes of each tick were due."""
    others: float = 0.0
    """How many processors other processes used meanwhile."""
    answered: Mapping[str, int] = field(init=False)
    """The number of probes answered in the window, by path."""

    def __post_init__(self) -> None:
        answered = Counter(probe.path for probe in self.probes if probe.answered_by(self.judged_at))
        object.__setattr__(self, "answered", answered)

    def response(self, path: str) -> Response | None:
        """Return the response to the first request that started a loop at *path*."""
        return next((request.response for request in self.load if request.path == path), None)

    @property
    def started(self) -> int:
        """The number of loops that made a step."""
        return sum(1 for loop in self.loops if loop.steps)

    @property
    def refused(self) -> tuple[Response, ...]:
        """The responses without success to the requests of the load."""
        responses = (request.response for request in self.load)
        return tuple(response for response in responses if response and response.refused)

    @property
    def rate(self) -> float:
        """Steps per second, of all loops together."""
        return self.steps / (self.judged_at - self.probes[0].due)

    @property
    def timeline(self) -> Timeline:
        """Each probe, and the steps of the loops from one tick to the next."""
        found = timeline(self.probes, self.probes[0].due, self.judged_at)
        steps = tuple(after - before for before, after in itertools.pairwise(self.steps_at))
        interval = round(self.window.interval * 1000) if any(steps) else 0
        return replace(found, interval=interval, steps=steps if interval else ())

    @property
    def total_answered(self) -> int:
        """The number of probes answered in the window."""
        return sum(self.answered.values())

    @property
    def waits(self) -> list[float]:
        """The wait of each probe in seconds from its due time, the shortest first.

        The wait of an unanswered probe ends at the judgement.
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
        """The longest wait in seconds."""
        return max(self.waits, default=0.0)

    @property
    def p99(self) -> float:
        """The wait in seconds that 99 of 100 probes do not exceed."""
        return self.waits[math.ceil(0.99 * len(self.probes)) - 1]

    @property
    def state(self) -> State:
        """The state that the window shows.

        Without any response the app is frozen or starved. It is frozen if a loop steps in the
        event loop's own thread and the heartbeat stood still. Otherwise it is starved: other
        threads keep the interpreter busy.
        """
        if not self.kept_running:
            return State.NOT_RUNNING
        if self.total_answered == len(self.probes):
            return State.ALIVE
        if self.total_answered:
            return State.MIXED
        blocked = any(loop.on_event_loop and not loop.ended for loop in self.loops)
        could_run = self.window.load and not blocked
        return State.STARVED if could_run or self.beats else State.FROZEN
