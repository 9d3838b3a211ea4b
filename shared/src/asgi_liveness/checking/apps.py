"""The apps of one check: each starts afresh, the next while one is watched.

The rule: a start that goes wrong while another app runs is no finding, as the two may want the same
port or file. From then on, the apps of this check run one after another.
"""

from __future__ import annotations

import asyncio
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
        self._running: list[CheckedApp] = []
        self._next: asyncio.Task[CheckedApp | None] | None = None
        self._ends: dict[CheckedApp, asyncio.Task[None]] = {}
        self._probe_path = parse_path(options.probe, "--probe") if options.probe else ""
        self.overlap = _may_run_twice(options)
        """Whether two apps may run at a time."""

    @property
    def is_next_prepared(self) -> bool:
        """Whether the next app starts already."""
        return self._next is not None

    def prepare(self) -> None:
        """Let the next app start while others run, if two may run at a time."""
        if self.overlap:
            self._next = asyncio.create_task(self._start_meanwhile())

    async def start(self) -> CheckedApp:
        """Start an app afresh while none other runs. Raises ``LivenessError``."""
        await self.end_all()
        return await self._start()

    async def first(self) -> CheckedApp:
        """Start the app of the idle window, or return the prepared one if that one answers alone.

        Raises ``LivenessError``.
        """
        try:
            app = await self._start()
        except LivenessError:
            if other := await self.prepared():
                return other
            raise
        if app.answered:
            return app
        return await self.prepared() or app

    async def prepared(self) -> CheckedApp | None:
        """Return the app that was prepared; None if none was, or if it did not start well."""
        prepared, self._next = self._next, None
        return await prepared if prepared else None

    def retire(self, app: CheckedApp) -> None:
        """Let an app end while others are watched; a second call does nothing."""
        if app not in self._ends:
            self._ends[app] = asyncio.create_task(asyncio.to_thread(app.end))

    async def end_all(self) -> None:
        """End all apps, also one that starts."""
        prepared, self._next = self._next, None
        if prepared:
            prepared.cancel()
            await asyncio.wait({prepared})
        for app in self._running:
            self.retire(app)
        await asyncio.gather(*self._ends.values())
        self._running, self._ends = [], {}

    def end(self) -> None:
        """End all apps without an event loop, as after Ctrl+C."""
        for app in self._running:
            app.end()

    async def _start_meanwhile(self) -> CheckedApp | None:
        """Start an app while another runs; return None, and never do so again, if that fails."""
        try:
            app = await self._start()
        except LivenessError:
            self.overlap = False
            return None
        if app.answered:
            return app
        self.overlap = False
        self.retire(app)
        return None

    async def _start(self) -> CheckedApp:
        app = CheckedApp(self._options, self._judge, self._redaction, self._probe_path)
        self._running.append(app)
        try:
            await app.start()
        except LivenessError:
            await asyncio.to_thread(app.end)
            raise
        self._probe_path = app.probe_path
        return app


def _may_run_twice(options: Options) -> bool:
    """Whether two apps can run at a time: they get ports of their own, and a core each."""
    has_port = not options.command or any("{port}" in word for word in options.command)
    is_ours = "://" not in options.target
    return is_ours and has_port and not options.no_early and (os.cpu_count() or 1) > 1
