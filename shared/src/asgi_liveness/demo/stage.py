"""The running demo: a server, its probes and its loops, and who holds its event loop.

The rule: probes leave on schedule, and loops stop through the ledger: both also while the app is
frozen.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance.contract import IDLE
from asgi_liveness.conformance.load import start_request
from asgi_liveness.demo.choices import choice
from asgi_liveness.demo.columns import FRAMEWORKS
from asgi_liveness.demo.excerpt import excerpt
from asgi_liveness.demo.holder import MAX_STALL, START_LIMIT, Holder
from asgi_liveness.demo.lanes import silent_for, strip
from asgi_liveness.demo.scene import ProbeLane, Scene, running, state_of
from asgi_liveness.errors import LivenessError
from asgi_liveness.foreign import MOST, plain
from asgi_liveness.probing.client import open_client
from asgi_liveness.probing.request import Request, finish
from asgi_liveness.probing.schedule import wait_until
from asgi_liveness.serving.server import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from asgi_liveness.demo.columns import Column

INTERVAL: Final = 0.1
"""Seconds from one probe of a path to the next: ten marks a second, which an eye can follow."""
KEPT: Final = 240  # probes of each path, the widest that a view shows
MOST_WAITING: Final = 20
"""Probes that wait for an answer at a time. During a freeze no more leave, so that the app catches
up in a moment when it is over."""
LOOPS: Final = 100
"""Loops that may be started before a stop: more than the threads of a pool, so that people can
empty it."""
PATHS: Final = IDLE.paths
_excerpt = functools.lru_cache(maxsize=32)(excerpt)  # it is shown ten times a second


class Stage:
    """The demo from ``run`` to its end; *columns* are the frameworks to change between."""

    def __init__(self, columns: Sequence[Column], server: str = "") -> None:
        self._columns, self._wanted_server = list(columns), server
        self._server: Server | None = None
        self._holder: Holder | None = None
        self._probes = {path: deque[Request](maxlen=KEPT) for path in PATHS}
        self._sent: list[Request] = []
        self._loops: list[Request] = []
        self._waiting: list[str] = []
        self._is_stopping = False
        self._next: Column | None = columns[0]
        self._changed = asyncio.Event()
        self._chosen, self._words = choice("1"), ""

    # What a user asks for. None of these waits.

    def start(self, word: str) -> None:
        """Start the loop with a key or a path; an unknown one does nothing."""
        if (found := choice(word)) is not None:
            self._chosen = found
            if len(self._loops) + len(self._waiting) < LOOPS:
                self._waiting.append(found.path)

    def stop(self) -> None:
        """Stop all loops, frozen or not."""
        self._is_stopping = True
        self._waiting.clear()
        self._stop()

    def change(self, name: str = "") -> None:
        """Change to the framework called *name*, or to the next one."""
        names = [column.name for column in self._columns]
        at = names.index(name) if name in names else 1
        self._next = self._columns[at % len(names)]
        self._changed.set()

    @property
    def frameworks(self) -> list[str]:
        """The names of the frameworks, in a fixed order."""
        return sorted((column.name for column in self._columns), key=FRAMEWORKS.index)

    def scene(self) -> Scene:
        """Return what there is to see now."""
        now, column = time.monotonic(), self._columns[0]
        lanes = tuple(_lane(path, list(self._probes[path]), now) for path in PATHS)
        server, path = self._server, self._chosen.path if self._chosen else ""
        held = self._holder.now if self._holder else None
        state, words = state_of(lanes, is_held=held is not None)
        if self._words:
            state, words = "", self._words
        return Scene(
            title=f"{column.words} on {server.kind.name}" if server else column.words,
            framework=column.name,
            lanes=lanes,
            state=state,
            words=words,
            running=running(server.ledger.loops()) if server and not self._words else (),
            held=held if state == "frozen" else None,
            chosen=path,
            does=plain(self._chosen.does) if self._chosen else "",
            excerpt=_excerpt(column.folder, path),
        )

    # The life of it.

    async def run(self) -> None:
        """Serve one framework after another until cancelled; afterwards no server is left."""
        while self._next is not None:
            column, self._next = self._next, None
            at = self._columns.index(column)
            self._columns = self._columns[at:] + self._columns[:at]
            self._words = f"Starting {column.words} ..."
            try:
                await self._serve(column)
            except LivenessError as error:
                self._words = plain(f"It does not run: {error}", MOST)
            await self._changed.wait()
            self._changed.clear()

    async def _serve(self, column: Column) -> None:
        for probes in self._probes.values():
            probes.clear()
        kind = column.server(self._wanted_server)
        folder = str(column.folder.parent)
        server = Server(kind, column.target, app_dir=folder, max_stall=MAX_STALL)
        following: asyncio.Task[None] | None = None
        try:
            server.start()
            await server.ready(limit=START_LIMIT)
            assert server.board is not None
            self._holder = Holder(server.board, column.package)
            following = asyncio.create_task(self._holder.follow())
            self._server, self._words = server, ""
            async with open_client(server.url) as client:
                await self._probe(server, client)
        finally:
            self._holder = self._server = None
            if following is not None:
                following.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await following
            server.end()
            await finish(self._sent + self._loops)
            self._sent, self._loops, self._is_stopping = [], [], False
            self._waiting.clear()

    async def _probe(self, server: Server, client: httpx.AsyncClient) -> None:
        """Send probes, and start and stop loops, until the framework changes."""
        due = time.monotonic()
        while self._next is None:
            if server.ended:
                words = plain(server.last_words(), MOST)
                self._words = f"{server.kind.name} ended by itself: {words}"
                return
            self._sent = [request for request in self._sent if not request.task.done()]
            self._loops = [request for request in self._loops if not request.task.done()]
            for path, probes in self._probes.items():
                probe = Request(path, due)
                probes.append(probe)
                if len(self._sent) < MOST_WAITING:
                    probe.send(client)
                    self._sent.append(probe)
            self._stop()
            if not self._is_stopping:
                for path in self._waiting:
                    request = start_request(path)
                    request.send(client)
                    self._loops.append(request)
                self._waiting.clear()
            due = max(due + INTERVAL, time.monotonic() - INTERVAL)  # a laptop may have slept
            await wait_until(due)

    def _stop(self) -> None:
        """Stop again what started only now: a request may have waited for the end of a freeze."""
        if not self._is_stopping or self._server is None:
            return
        ledger = self._server.ledger
        ledger.stop()
        self._is_stopping = not all(
            (*(request.task.done() for request in self._loops), *(e.ended for e in ledger.loops()))
        )


def _lane(path: str, probes: Sequence[Request], now: float) -> ProbeLane:
    sent = [probe.as_sent for probe in probes]
    return ProbeLane(path, strip(sent, now), round(silent_for(sent, now), 1))
