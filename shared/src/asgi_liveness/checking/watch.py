"""One window of a check: probes on schedule, calls while they run, and samples from outside.

The rule: probes leave on schedule whether or not the last one was answered.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from asgi_liveness.checking.sampling import sampler_of
from asgi_liveness.probing.client import open_client
from asgi_liveness.probing.descriptors import most_under_way
from asgi_liveness.probing.request import Request, finish
from asgi_liveness.probing.schedule import due_times, wait_until
from asgi_liveness.serving.cgroup import throttled
from asgi_liveness.serving.living import lives
from asgi_liveness.stalls.outside import OutsideSampler
from asgi_liveness.stalls.stalls import LoopRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from asgi_liveness.checking.call import Call
    from asgi_liveness.checking.served import Served
    from asgi_liveness.probing.response import SentRequest
    from asgi_liveness.serving.board import Board
    from asgi_liveness.serving.records import Heartbeat, Sample, StallEnd, TaskStack, ThreadStack
    from asgi_liveness.stalls.sampler import Sampler

T = TypeVar("T")

INTERVAL: Final = 0.05
"""Seconds from one probe to the next."""
CALLS: Final = 4
"""How often a call is sent in one window, at most. More calls would pile up work in threads, and
those would keep the GIL from the event loop."""
LONGEST: Final = 4
"""How many times its seconds a window lasts at most, while a stall without a line goes on."""


@dataclass(frozen=True)
class CheckWindow:
    """The plan of one window. Times in seconds."""

    probe: Call
    call: Call | None
    """The request that runs in the window; None in the idle window."""
    seconds: float
    settle: float
    """How much longer than the window the last probes may wait for their responses."""
    concurrency: int = 1
    """How many calls run at a time."""


@dataclass(frozen=True, kw_only=True)
class CheckObservation(LoopRecord):
    """The observation of one window. Times in seconds of the monotonic clock."""

    probes: tuple[SentRequest, ...]
    calls: tuple[SentRequest, ...] = ()
    times: int = 1
    """How many times its seconds the window lasted."""
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


async def watch(
    target: Served,
    window: CheckWindow,
    undecided: Callable[[CheckObservation], bool] = lambda _: False,
) -> CheckObservation:
    """Watch *target* for one window, and for another while what was observed is *undecided*."""
    async with open_client(target.url) as prober, open_client(target.url) as caller:
        return await _CheckRun(target, window, undecided).run(prober, caller)


@dataclass
class _CheckRun:
    target: Served
    window: CheckWindow
    undecided: Callable[[CheckObservation], bool] = lambda _: False
    probes: list[Request] = field(default_factory=list)
    calls: list[Request] = field(default_factory=list)
    most: int = field(default_factory=most_under_way)
    unsent: int = 0
    times: int = 0

    async def run(self, prober: httpx.AsyncClient, caller: httpx.AsyncClient) -> CheckObservation:
        """Run the window; cancel every request that has not ended by then."""
        window = self.window
        sampler = sampler_of(self.target, self._waiting, self._waiting_at_all)
        before = [h for h in sampler.heartbeats() if lives(h.process)] if sampler else []
        throttled_before = _throttled(before)
        began = time.monotonic()
        background = [asyncio.create_task(sampler.sample())] if sampler else []
        if window.call is not None:
            background += [
                asyncio.create_task(self._call(window.call, caller))
                for _ in range(window.concurrency)
            ]
        try:
            while self.times == 0 or (
                self.times < LONGEST and self.undecided(self._observation(began, sampler, before))
            ):
                await self._send_probes(prober, began + self.times * window.seconds)
                self.times += 1
            await asyncio.wait([probe.task for probe in self.probes], timeout=window.settle)
            observation = self._observation(began, sampler, before)
            return replace(observation, throttled=_throttled(before) - throttled_before)
        finally:
            for task in [*background, *(request.task for request in (*self.probes, *self.calls))]:
                task.cancel()
            ends = await asyncio.gather(*background, return_exceptions=True)
            await finish([*self.calls, *self.probes])
            for failure in (end for end in ends if isinstance(end, Exception)):
                raise failure

    async def _send_probes(self, client: httpx.AsyncClient, began: float) -> None:
        count = max(1, round(self.window.seconds / INTERVAL))
        for due in due_times(count, INTERVAL, began):
            await wait_until(due)
            under_way = [row for row in (*self.probes, *self.calls) if not row.task.done()]
            if len(under_way) >= self.most:
                self.unsent += 1
                continue
            request = self.window.probe.request()
            request.due = due
            self.probes.append(request)
            request.send(client)

    async def _call(self, call: Call, client: httpx.AsyncClient) -> None:
        """Send the call; repeat it while it responds and its method is safe to repeat."""
        while True:
            request = call.request()
            self.calls.append(request)
            request.send(client)
            await asyncio.wait([request.task])
            failed = request.response is None or request.response.error
            if not call.is_safe or failed:
                return
            await asyncio.sleep(request.due + self.window.seconds / CALLS - time.monotonic())

    def _waiting(self) -> float:
        """Return for how many seconds the oldest unanswered probe has waited."""
        return _oldest(self.probes)

    def _waiting_at_all(self) -> float:
        """Return the same of probes and calls."""
        return _oldest([*self.probes, *self.calls])

    def _observation(
        self, began: float, sampler: Sampler | OutsideSampler | None, before: list[Heartbeat]
    ) -> CheckObservation:
        """Return the observation; *before* holds the event loops as the window began."""
        observation = CheckObservation(
            began=began,
            ended=time.monotonic(),
            probes=tuple(probe.as_sent for probe in self.probes),
            calls=tuple(call.as_sent for call in self.calls),
            times=self.times,
            unsent=self.unsent,
            first_is_open=bool(self.calls) and not self.calls[0].task.done(),
        )
        if sampler is None:
            return observation
        if isinstance(sampler, OutsideSampler):
            dumps = sampler.dumps if sampler.serving else None
            observation = replace(observation, samples=sampler.samples, dumps=dumps)
            return replace(observation, refused=sampler.refused)
        board, heartbeats = sampler.board, sampler.heartbeats()
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
            **self._endings(board, before),
        )

    def _endings(self, board: Board, before: list[Heartbeat]) -> dict[str, Any]:
        """Say which of the event loops that ran *before* have ended, and how."""
        now = {_loop(each): each for each in board.heartbeats()}
        last = [now.get(_loop(each), each) for each in before]
        gone = [each for each in last if not lives(each.process)]
        crashed = any(each.runs or each.failed for each in gone)
        if crashed or (self.target.ended and self.target.exit_code):
            return {"died": self.target.last_words()}
        if self.target.ended:
            return {"exited": self.target.last_words()}
        return {"recycled": len(gone)}


def _oldest(requests: list[Request]) -> float:
    now = time.monotonic()
    return max((now - each.due for each in requests if each.response is None), default=0.0)


def _loop(row: Heartbeat | Sample | StallEnd) -> tuple[int, int]:
    """Return what identifies the event loop of a row on the board."""
    return row.process, row.slot


def _last(answers: Callable[[int], list[T]], last: int) -> list[T]:
    """Return what processes wrote for the request *last*, or for one before it."""
    return next(filter(None, map(answers, range(last, 0, -1))), [])


def _throttled(heartbeats: list[Heartbeat]) -> float:
    return throttled(heartbeats[0].process) if heartbeats else 0.0
