"""Samples of servers that were started without the check, while a request waits.

The rule: only a silence that is proven counts. It begins when a connection that sends nothing is
opened to the server's port, and lasts for as long as its event loop does not take the connection.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from asgi_liveness.inside.injected.stacks import spent
from asgi_liveness.serving.knock import Knocks
from asgi_liveness.serving.others import used
from asgi_liveness.serving.ports import listeners_on, offspring, polled
from asgi_liveness.serving.records import Sample
from asgi_liveness.stalls import alone, gil, stack
from asgi_liveness.stalls.line import line
from asgi_liveness.stalls.spy import Refused, dump, is_python

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from asgi_liveness.serving.ports import Listener
    from asgi_liveness.serving.records import Heartbeat
    from asgi_liveness.stalls.spy import SpiedThread

_EVERY: Final = 0.1  # seconds between two dumps of a process
_EVERY_OF_SEVERAL: Final = 0.2
"""The same for a server of several processes, which is sampled while any request waits. A dump
stops a process for some milliseconds."""
_LATE: Final = 0.1
"""Seconds for which a request waits before its server is sampled; two intervals of the probes."""
_UNPROVEN: Final = 3
"""Samples of a silence that nobody proves, as where another process takes the connections."""
_UNKNOWN: Final = ""
"""The app's package: an address does not name it."""
_SECOND: Final = 1e9  # ns


def outside_of(
    port: int, probes: Callable[[], float], requests: Callable[[], float]
) -> OutsideSampler:
    """Return a sampler of the processes that listen on a port of this machine.

    Of several processes one may answer all *probes* while another is frozen: then all *requests*
    count that wait.
    """
    found = listeners_on(port)
    pids = found.processes - {os.getpid()}
    serving = polled(pids | offspring(pids), port)
    refused = ""
    if found.hidden and not serving:
        refused = f"this user may not see which process listens on port {port}"
    return OutsideSampler(serving, requests if len(serving) > 1 else probes, refused=refused)


@dataclass
class _Silence:
    """A time in which a process took no connection."""

    began: float
    is_proven: bool = False
    """A connection waited at the last sample, and no other process took it."""
    taken: list[tuple[Sample, SpiedThread]] = field(default_factory=list)

    @property
    def counts(self) -> bool:
        """Whether it is proven, or its samples alone show one callback that does not yield."""
        stacks = [thread.stack for _, thread in self.taken]
        if self.is_proven or len(stacks) < _UNPROVEN:
            return self.is_proven
        shown = line(stacks, _UNKNOWN)
        in_one = shown is not None and alone.is_one_callback(stacks, shown)
        return in_one and not alone.may_yield(stacks[-1], _UNKNOWN)


@dataclass
class OutsideSampler:
    """The samples of the processes that serve, each with its sockets.

    *waiting* returns for how many seconds the oldest request without a response has waited.
    """

    serving: Mapping[int, list[Listener]]
    waiting: Callable[[], float]
    refused: str = ""
    """Why there are no samples, if there are none."""
    dumps: int = 0
    """How often py-spy read the stacks of a process."""
    _silences: list[_Silence] = field(default_factory=list)

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The samples of every silence that counts."""
        return tuple(
            replace(sample, gil_held=sample.gil_held or held)
            for silence in self._silences
            if silence.counts
            for held in [gil.is_held([thread for _, thread in silence.taken])]
            for sample, _ in silence.taken
        )

    def heartbeats(self) -> list[Heartbeat]:
        """Return none: no process has a watcher."""
        return []

    async def sample(self) -> None:
        """Take samples until cancelled; end at once where no process serves."""
        while self.serving:
            await asyncio.sleep(_EVERY)
            if self.waiting() > _LATE:
                await self._sample_while_waiting()

    async def _sample_while_waiting(self) -> None:
        knocks = Knocks(self.serving)
        open_silences: dict[int, _Silence] = {}
        try:
            while self.waiting() > _LATE:
                for pid in self.serving:
                    if pid not in open_silences:
                        knocks.forget(pid)
                        await asyncio.to_thread(knocks.again)
                        open_silences[pid] = _Silence(time.monotonic())
                    if not await self._add(pid, open_silences[pid], knocks):
                        del open_silences[pid]
                await asyncio.sleep(_EVERY_OF_SEVERAL if len(self.serving) > 1 else _EVERY)
        finally:
            knocks.close()

    async def _add(self, pid: int, silence: _Silence, knocks: Knocks) -> bool:
        """Add a sample to a *silence*; return False if it is over: the event loop ran."""
        threads = await dump(pid)
        at = time.monotonic()
        await asyncio.to_thread(knocks.again)
        if isinstance(threads, Refused):
            if is_python(pid):
                self.refused = threads.reason
            return not knocks.took(pid)
        self.dumps += 1
        loops = [each for each in threads if stack.runs_a_loop(each.stack)]
        if not loops:
            return False
        own = next((each for each in loops if each.thread == pid), loops[0])
        took = knocks.took(pid) if stack.takes_connections(own.stack) else None
        if took:
            return False
        shown, by_another = own, 0
        if own.waits:
            holder = next((each for each in threads if each.holds_gil and each != own), None)
            if took is None or holder is None:
                return False
            shown, by_another = holder, holder.thread
        silence.is_proven = took is False
        counted = spent(pid, own.thread)
        sample = Sample(
            pid,
            silence.began,
            at,
            shown.stack,
            ran=counted.ran / _SECOND,
            queued=counted.queued / _SECOND,
            slices=counted.slices,
            ready=counted.ready,
            cpu=used(pid),
            outside=True,
            gil_held=bool(by_another),
            by_another=by_another,
            watcher_ran_at=silence.began,
        )
        if not silence.taken:
            self._silences.append(silence)
        silence.taken.append((sample, own))
        return True
