"""One window of a check: probes on schedule, a request held open, and looks from outside.

Probes leave on schedule whether or not the last one was answered, as in the suite's windows.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import psutil

from asgi_liveness.checking.served import serving
from asgi_liveness.probing.client import open_client
from asgi_liveness.probing.request import Reading, Request, finish
from asgi_liveness.probing.schedule import due_times, wait_until
from asgi_liveness.stalls.sampler import Sampler
from asgi_liveness.stalls.stalls import LoopRecord

if TYPE_CHECKING:
    import httpx

    from asgi_liveness.checking.served import Served
    from asgi_liveness.probing.response import SentRequest
    from asgi_liveness.serving.board import (
        Board,
        Heartbeat,
        ThreadStack,
    )

INTERVAL: Final = 0.05
"""Seconds from probe to probe."""
CALLS: Final = 4
"""How often at the most a request is sent again while a window lasts. Sent more often, work that is
rightly handed to threads piles up, and they keep the GIL from the event loop."""


@dataclass(frozen=True)
class Call:
    """A request to be made while the app is probed."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def request(self) -> Request:
        """Return one request of it, due now."""
        return Request(
            self.path,
            time.monotonic(),
            self.method,
            self.headers,
            self.body or None,
            Reading.WITH_RESTS,
        )


@dataclass(frozen=True)
class CheckWindow:
    """What is watched. Times in seconds."""

    probe: Call
    call: Call | None
    """What goes on meanwhile; None at rest."""
    seconds: float
    settle: float
    """How much longer the last probes may take for their answers."""
    concurrency: int = 1
    """How many calls are under way at a time."""


@dataclass(frozen=True, kw_only=True)
class CheckObservation(LoopRecord):
    """What one window showed, at its end. Times in seconds of the monotonic clock."""

    probes: tuple[SentRequest, ...]
    calls: tuple[SentRequest, ...] = ()
    first_is_open: bool = False
    """The first call had not come to its end."""
    threads: tuple[ThreadStack, ...] = ()
    """Where all threads stood while probes waited."""
    refused: str = ""
    """Why py-spy could not look, where it was asked to."""
    died: str = ""
    """The last words of the server, if it or a worker of it was ended."""

    @property
    def silent(self) -> bool:
        """Whether the last probe had no answer when it ended."""
        return not self.probes or self.probes[-1].response is None


async def watch(target: Served, window: CheckWindow) -> CheckObservation:
    """Watch *target* for one window."""
    async with open_client(target.url) as prober, open_client(target.url) as caller:
        return await _CheckRun(target, window).through(prober, caller)


@dataclass
class _CheckRun:
    target: Served
    window: CheckWindow
    probes: list[Request] = field(default_factory=list)
    calls: list[Request] = field(default_factory=list)

    async def through(
        self, prober: httpx.AsyncClient, caller: httpx.AsyncClient
    ) -> CheckObservation:
        board, window = self.target.board, self.window
        outside = Sampler(board, serving(self.target), self._waiting) if board else None
        before = [p for p in outside.heartbeats() if _lives(p.process)] if outside else []
        began = time.monotonic()
        beside = [asyncio.create_task(outside.sample())] if outside else []
        if window.call is not None:
            beside += [
                asyncio.create_task(self._call(window.call, caller))
                for _ in range(window.concurrency)
            ]
        try:
            await self._send_probes(prober, began)
            await asyncio.wait([probe.task for probe in self.probes], timeout=window.settle)
            return self._observation(began, outside, before)
        finally:
            for task in [*beside, *(request.task for request in (*self.probes, *self.calls))]:
                task.cancel()
            ends = await asyncio.gather(*beside, return_exceptions=True)
            await finish([*self.calls, *self.probes])
            for failure in (end for end in ends if isinstance(end, Exception)):
                raise failure

    async def _send_probes(self, client: httpx.AsyncClient, began: float) -> None:
        count = max(1, round(self.window.seconds / INTERVAL))
        for due in due_times(count, INTERVAL, began):
            await wait_until(due)
            request = self.window.probe.request()
            request.due = due
            self.probes.append(request)
            request.send(client)

    async def _call(self, call: Call, client: httpx.AsyncClient) -> None:
        """Make the call; again and again if that does no harm, and it answers."""
        while True:
            request = call.request()
            self.calls.append(request)
            request.send(client)
            await asyncio.wait([request.task])
            failed = request.response is None or request.response.error
            if call.method not in ("GET", "HEAD") or failed:
                return
            await asyncio.sleep(request.due + self.window.seconds / CALLS - time.monotonic())

    def _waiting(self) -> float:
        """For how long the oldest probe without an answer has waited."""
        now = time.monotonic()
        waits = (now - probe.due for probe in self.probes if probe.response is None)
        return max(waits, default=0.0)

    def _observation(
        self, began: float, outside: Sampler | None, before: list[Heartbeat]
    ) -> CheckObservation:
        seen = CheckObservation(
            began=began,
            ended=time.monotonic(),
            probes=tuple(probe.as_sent for probe in self.probes),
            calls=tuple(call.as_sent for call in self.calls),
            first_is_open=bool(self.calls) and not self.calls[0].task.done(),
        )
        if outside is None:
            return seen
        board, heartbeats = outside.board, outside.heartbeats()
        mine = outside.serves | {heartbeat.process for heartbeat in [*before, *heartbeats]}
        samples = [sample for sample in [*board.samples(), *outside.samples] if sample.at >= began]
        ends = [end for end in board.ends() if end.ended >= began]
        gone = not all(_lives(heartbeat.process) for heartbeat in before)
        return replace(
            seen,
            heartbeats=tuple(heartbeats),
            samples=tuple(sample for sample in samples if sample.process in mine),
            ends=tuple(end for end in ends if end.process in mine),
            threads=_last_told(board, outside.asked),
            refused=outside.refused,
            died=self.target.last_words() if gone or self.target.ended else "",
        )


def _last_told(board: Board, asked: int) -> tuple[ThreadStack, ...]:
    """Return the answer to the last question that has one."""
    answers = (board.threads(number) for number in range(asked, 0, -1))
    return tuple(next(filter(None, answers), []))


def _lives(process: int) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    return False
