"""The apps of one check: each starts afresh, the next while one is watched.

The rule: a start that goes wrong while another app runs is no finding, as the two may want the same
port or file. From then on, the apps of this check run one after another.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

from asgi_liveness.checking.checked_app import CheckedApp
from asgi_liveness.checking.request import parse_path
from asgi_liveness.errors import LivenessError

if TYPE_CHECKING:
    from asgi_liveness.checking.judge import Judge
    from asgi_liveness.checking.options import Options
    from asgi_liveness.checking.redaction import Redaction


class Apps:
    """The starts of the app that *options* name. Raises ``UsageError`` for a bad path to probe."""

    def __init__(self, options: Options, judge: Judge, redaction: Redaction) -> None:
        self._options, self._judge, self._redaction = options, judge, redaction
        self._started: list[CheckedApp] = []
        self._next: asyncio.Task[CheckedApp | None] | None = None
        self._ends: dict[CheckedApp, asyncio.Task[None]] = {}
        self._probe_path = parse_path(options.probe, "--probe") if options.probe else ""
        self._may_overlap = _may_run_twice(options)

    @property
    def is_next_prepared(self) -> bool:
        """Whether the next app starts, or has started."""
        return self._next is not None

    def prepare(self) -> None:
        """Let the next app start while another runs, if two may run at a time."""
        if self._may_overlap and not self._next:
            self._next = asyncio.create_task(self._start_meanwhile())

    async def prepared(self) -> CheckedApp | None:
        """Return the app that was prepared; None if none was, or if it did not start well."""
        prepared, self._next = self._next, None
        return await prepared if prepared else None

    async def start(self) -> CheckedApp:
        """Start an app while none other runs. Raises ``LivenessError``."""
        await self.end_all()
        return await self._start()

    async def start_first(self) -> CheckedApp:
        """Start the app of the idle window; if that goes wrong, return the prepared one.

        Raises ``LivenessError`` if it does not start alone either.
        """
        may_be_disturbed = self.is_next_prepared
        try:
            app = await self._start()
        except LivenessError:
            if not may_be_disturbed:
                raise
            self._may_overlap = False
            return await self.prepared() or await self.start()
        if app.answered or not may_be_disturbed:
            return app
        self._may_overlap = False
        if other := await self.prepared():
            self.retire(app)
            return other
        return app

    def retire(self, app: CheckedApp) -> None:
        """Begin to end an app; a second call does nothing."""
        if app not in self._ends:
            self._ends[app] = asyncio.create_task(asyncio.to_thread(app.end))

    async def retired(self) -> None:
        """Wait until all that were retired have ended."""
        await asyncio.gather(*self._ends.values())

    async def end_all(self) -> None:
        """End all apps, also one that starts."""
        prepared, self._next = self._next, None
        if prepared:
            prepared.cancel()
            await asyncio.gather(prepared, return_exceptions=True)
        for app in self._started:
            self.retire(app)
        await self.retired()
        self._started, self._ends = [], {}

    def end(self) -> None:
        """End all apps where no event loop runs any more."""
        with contextlib.ExitStack() as stack:
            for app in self._started:
                stack.callback(app.end)

    async def _start_meanwhile(self) -> CheckedApp | None:
        """Start an app while another runs; if that goes wrong, return None."""
        with contextlib.suppress(LivenessError):
            app = await self._start()
            if app.answered:
                return app
            self.retire(app)
        self._may_overlap = False
        return None

    async def _start(self) -> CheckedApp:
        app = CheckedApp(self._options, self._judge, self._redaction, self._probe_path)
        self._started.append(app)
        try:
            await app.start()
        except BaseException:  # a cancellation, too
            self.retire(app)
            raise
        if app.answered:
            self._probe_path = self._probe_path or app.probe_path
        return app


def _may_run_twice(options: Options) -> bool:
    """Whether two apps can run at a time: they get ports of their own, and a core each."""
    has_port = not options.command or any("{port}" in word for word in options.command)
    is_ours = "://" not in options.target
    return is_ours and has_port and not options.no_early and len(os.sched_getaffinity(0)) > 1
