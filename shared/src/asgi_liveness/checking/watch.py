"""One window of a check: probes on schedule, calls while they run, and samples from outside.

The rule: probes leave on schedule whether or not the last one was answered.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.observation import CheckObservation, with_loops
from asgi_liveness.checking.sampling import sampler_of
from asgi_liveness.probing.client import open_client
from asgi_liveness.probing.descriptors import most_under_way
from asgi_liveness.probing.request import Request, finish
from asgi_liveness.probing.schedule import due_times, wait_until
from asgi_liveness.serving.cgroup import throttled
from asgi_liveness.serving.living import lives

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from asgi_liveness.checking.call import Call
    from asgi_liveness.checking.served import Served
    from asgi_liveness.serving.records import Heartbeat
    from asgi_liveness.stalls.outside import OutsideSampler
    from asgi_liveness.stalls.sampler import Sampler

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


async def watch(
    target: Served,
    window: CheckWindow,
    undecided: Callable[[CheckObservation], bool] = lambda _: False,
    certain: Callable[[CheckObservation, float], bool] = lambda *_: False,
) -> CheckObservation:
    """Watch *target* for one window, and for another while what was observed is *undecided*.

    Close the window once what was observed is *certain*, which also gets the seconds that are left
    and is asked in the second half only.
    """
    async with open_client(target.url) as prober, open_client(target.url) as caller:
        return await _CheckRun(target, window, undecided, certain).run(prober, caller)


@dataclass
class _CheckRun:
    target: Served
    window: CheckWindow
    undecided: Callable[[CheckObservation], bool]
    certain: Callable[[CheckObservation, float], bool]
    probes: list[Request] = field(default_factory=list)
    calls: list[Request] = field(default_factory=list)
    most: int = field(default_factory=most_under_way)
    unsent: int = 0
    times: int = 0
    early: bool = False
    sampler: Sampler | OutsideSampler | None = None
    before: list[Heartbeat] = field(default_factory=list)
    """The event loops as the window began."""
    began: float = 0.0

    async def run(self, prober: httpx.AsyncClient, client: httpx.AsyncClient) -> CheckObservation:
        """Run the window; cancel every request that has not ended by then."""
        window = self.window
        self.sampler = sampler_of(self.target, self._waiting, self._waiting_at_all)
        heartbeats = self.sampler.heartbeats() if self.sampler else []
        self.before = [each for each in heartbeats if lives(each.process)]
        throttled_before = _throttled(self.before)
        self.began = time.monotonic()
        background = [asyncio.create_task(self.sampler.sample())] if self.sampler else []
        callers: list[asyncio.Task[None]] = []
        if window.call is not None:
            callers += [
                asyncio.create_task(self._call(window.call, client))
                for _ in range(window.concurrency)
            ]
        try:
            while self.times == 0 or (
                self.times < LONGEST and not self.early and self.undecided(self._observation())
            ):
                await self._send_probes(prober, self.began + self.times * window.seconds)
                self.times += 1
            for caller in callers:  # a call that is sent now could not be answered in the window
                caller.cancel()
            wait = 0.0 if self.early else window.settle
            await asyncio.wait([probe.task for probe in self.probes], timeout=wait)
            throttled = _throttled(self.before) - throttled_before
            return replace(self._observation(), throttled=throttled)
        finally:
            requests = [*self.calls, *self.probes]
            for task in [*background, *callers, *(request.task for request in requests)]:
                task.cancel()
            ends = await asyncio.gather(*background, *callers, return_exceptions=True)
            await finish(requests)
            for failure in (end for end in ends if isinstance(end, Exception)):
                raise failure

    async def _send_probes(self, client: httpx.AsyncClient, began: float) -> None:
        """Send the probes of one window; stop where its verdict is certain."""
        count = max(1, round(self.window.seconds / INTERVAL))
        for due in due_times(count, INTERVAL, began):
            await wait_until(due)
            if self._is_certain(left=began + self.window.seconds + self.window.settle - due):
                self.early = True
                return
            under_way = [row for row in (*self.probes, *self.calls) if not row.task.done()]
            if len(under_way) >= self.most:
                self.unsent += 1
                continue
            request = self.window.probe.request()
            request.due = due
            self.probes.append(request)
            request.send(client)

    def _is_certain(self, left: float) -> bool:
        is_asked = bool(self.calls) and time.monotonic() - self.began > left
        return is_asked and self.certain(self._observation(), left)

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

    def _observation(self) -> CheckObservation:
        """Return what was observed so far."""
        observation = CheckObservation(
            began=self.began,
            ended=time.monotonic(),
            probes=tuple(probe.as_sent for probe in self.probes),
            calls=tuple(call.as_sent for call in self.calls),
            times=self.times,
            early=self.early,
            unsent=self.unsent,
            first_is_open=bool(self.calls) and not self.calls[0].task.done(),
        )
        if self.sampler is None:
            return observation
        return with_loops(observation, self.target, self.sampler, self.before)


def _oldest(requests: list[Request]) -> float:
    now = time.monotonic()
    return max((now - each.due for each in requests if each.response is None), default=0.0)


def _throttled(heartbeats: list[Heartbeat]) -> float:
    return throttled(heartbeats[0].process) if heartbeats else 0.0
