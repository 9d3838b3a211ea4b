"""What one window of a check showed: its requests, and what the target's event loops did."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from asgi_liveness.serving.living import lives
from asgi_liveness.stalls.outside import OutsideSampler
from asgi_liveness.stalls.stalls import LoopRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asgi_liveness.checking.served import Served
    from asgi_liveness.probing.response import SentRequest
    from asgi_liveness.serving.board import Board
    from asgi_liveness.serving.records import Heartbeat, Sample, StallEnd, TaskStack, ThreadStack
    from asgi_liveness.stalls.sampler import Sampler

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class CheckObservation(LoopRecord):
    """The observation of one window. Times in seconds of the monotonic clock."""

    probes: tuple[SentRequest, ...]
    calls: tuple[SentRequest, ...] = ()
    times: int = 1
    """How many times its seconds the window lasted."""
    early: bool = False
    """Whether the window was closed before its time, as its verdict was certain."""
    unsent: int = 0
    """The probes that were due while all that can be under way were, and so were not sent."""
    first_is_open: bool = False
    """Whether the first call had not ended."""
    threads: tuple[ThreadStack, ...] = ()
    """The stacks of all threads while probes waited."""
    tasks: tuple[TaskStack, ...] = ()
    """The stacks of the event loop's tasks at that time."""
    refused: str = ""
    """Why py-spy could not take a sample, if it could not."""
    dumps: int | None = None
    """How often py-spy read the stacks of a server that runs already; None for any other."""
    died: str = ""
    """The last log line of the server, if it or one of its workers crashed or was killed."""
    exited: str = ""
    """The same, if the server ended by itself, with exit code 0."""
    recycled: int = 0
    """How many workers ended as they were told to."""
    throttled: float = 0.0
    """Seconds for which the limit of the container's processor stopped the app."""

    @property
    def silent(self) -> bool:
        """Whether the last probe was not answered in the window."""
        return not self.probes or self.probes[-1].response is None


def with_loops(
    observation: CheckObservation,
    target: Served,
    sampler: Sampler | OutsideSampler,
    before: Sequence[Heartbeat],
) -> CheckObservation:
    """Add what the event loops of *target* did; *before* holds them as the window began."""
    if isinstance(sampler, OutsideSampler):
        dumps = sampler.dumps if sampler.serving else None
        observation = replace(observation, samples=sampler.samples, dumps=dumps)
        return replace(observation, refused=sampler.refused)
    began, board, heartbeats = observation.began, sampler.board, sampler.heartbeats()
    # The start of a worker that began in the window, as of one that was recycled, is no stall.
    since = {_loop(each): each.serves_since for each in heartbeats}
    since |= dict.fromkeys(map(_loop, before), 0.0)
    unwatched = set() if since else sampler.serves
    samples = [sample for sample in [*board.samples(), *sampler.samples] if sample.at >= began]
    return replace(
        observation,
        heartbeats=tuple(heartbeats),
        samples=tuple(
            sample
            for sample in samples
            if sample.began >= since.get(_loop(sample), math.inf) or sample.process in unwatched
        ),
        ends=tuple(
            end
            for end in board.ends()
            if end.ended >= began and end.began >= since.get(_loop(end), math.inf)
        ),
        collections=tuple(each for each in board.collections() if each.ended >= began),
        threads=tuple(_last(board.threads, sampler.request)),
        tasks=tuple(_last(board.tasks, sampler.request)),
        refused=sampler.refused,
        **_endings(target, board, before),
    )


def _endings(target: Served, board: Board, before: Sequence[Heartbeat]) -> dict[str, Any]:
    """Say which of the event loops that ran *before* have ended, and how."""
    now = {_loop(each): each for each in board.heartbeats()}
    last = [now.get(_loop(each), each) for each in before]
    gone = [each for each in last if not lives(each.process)]
    crashed = any(each.runs or each.failed for each in gone)
    if crashed or (target.ended and target.exit_code):
        return {"died": target.last_words()}
    if target.ended:
        return {"exited": target.last_words()}
    return {"recycled": len(gone)}


def _loop(row: Heartbeat | Sample | StallEnd) -> tuple[int, int]:
    """Return what identifies the event loop of a row on the board."""
    return row.process, row.slot


def _last(answers: Callable[[int], list[T]], last: int) -> list[T]:
    """Return what processes wrote for the request *last*, or for one before it."""
    return next(filter(None, map(answers, range(last, 0, -1))), [])
