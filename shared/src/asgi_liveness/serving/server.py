"""A target of the suite on a server, started as its users start it."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.errors import TargetError, UsageError
from asgi_liveness.files import read_json
from asgi_liveness.inside import wrapper
from asgi_liveness.inside.ledger import PATH_VARIABLE, Ledger
from asgi_liveness.probing.client import open_client
from asgi_liveness.serving.launched import Launched
from asgi_liveness.serving.worker import VARIABLE, Worker, queue_in

if TYPE_CHECKING:
    import httpx

    from asgi_liveness.serving.servers import ServerKind

READY_LIMIT: Final = 10.0
"""Seconds that each part of a start may take: the server's own, the import of the app, the lifespan
start-up, the first response. On a busy machine, the whole start takes several seconds."""
_POLL: Final = 0.005  # seconds
_LEFT_OUT: Final = ("UVICORN_", "WEB_CONCURRENCY")
"""Variables that are options of uvicorn: more workers, or another path for the app."""


class Server(Launched):
    """A target on a server. ``start`` does not wait, so that several can start at once.

    *recommended* adds the settings that the documentation recommends to the server's defaults.
    With *factory*, or if *target* ends in ``()``, calling the target returns the app. *app_dir* is
    the folder to import the target from, if not the current directory. *queue* is the address of
    its task queue, if not one of its own.
    """

    worker: Worker | None = None

    def __init__(  # noqa: PLR0913 (each has its own reason, and a default)
        self,
        kind: ServerKind,
        target: str,
        port: int = 0,
        *,
        recommended: bool = False,
        factory: bool = False,
        app_dir: str = "",
        max_stall: float | None = None,
        queue: str = "",
    ) -> None:
        arguments = kind.command + (kind.recommended if recommended else ())
        super().__init__((sys.executable, *arguments), port, max_stall=max_stall)
        self._factory, self._app_dir = factory or target.endswith("()"), app_dir
        self._queue = queue
        self.kind, self.target = kind, target
        self._doing, self._doing_since = "", time.monotonic()

    def _environment(self) -> dict[str, str]:
        self._doing_since = time.monotonic()
        self.ledger = Ledger.create(self.group.folder / "ledger")
        inherited = {
            name: value
            for name, value in super()._environment().items()
            if not name.startswith(_LEFT_OUT)
        }
        self.environment = {
            **inherited,
            VARIABLE: self._queue or queue_in(self.group.folder),
            PATH_VARIABLE: str(self.ledger.path),
            wrapper.TARGET_VARIABLE: self.target.removesuffix("()"),
            **({wrapper.FACTORY_VARIABLE: "1"} if self._factory else {}),
            wrapper.APP_DIR_VARIABLE: self._app_dir,
        }
        return self.environment

    def start_worker(self, command: tuple[str, ...]) -> None:
        """Start the command that runs its queued jobs, unless it runs."""
        if self.worker is None or self.worker.ended:
            self.end_worker()
            self.worker = Worker(command, self.environment)
            self.worker.start()

    def end_worker(self) -> None:
        """End its worker, if there is one."""
        if self.worker is not None:
            self.worker.end()
            self.worker = None

    def end(self, *, politely: bool = False) -> None:
        """End its worker, all its processes, and remove its files; a second call does nothing."""
        self.end_worker()
        super().end(politely=politely)

    def members(self) -> list[int]:
        """Return its living processes, and those of its worker."""
        return [*self.group.members(), *(self.worker.group.members() if self.worker else [])]

    def logs(self) -> tuple[str, str]:
        """Return what the server and its worker wrote to their standard error so far."""
        return self.log(), self.worker.log() if self.worker else ""

    async def ready(self, path: str = "/hello", limit: float | None = None) -> None:
        """Wait for the first response of *path*.

        Raises ``TargetError`` if the app cannot start, if the server ends or starts its app twice
        without a response, or if a part of the start takes longer than *limit* seconds (else
        ``READY_LIMIT``).
        """
        async with open_client(self.url) as client:
            request: asyncio.Task[httpx.Response] | None = None
            try:
                while True:
                    if request is None:
                        request = asyncio.create_task(client.get(path))
                    await asyncio.wait({request}, timeout=_POLL)
                    if request.done():
                        if request.exception() is None and self.ledger.answers:
                            return
                        request = None
                        await asyncio.sleep(_POLL)
                    self._check_start(limit or READY_LIMIT)
            finally:
                if request is not None:
                    request.cancel()
                    await asyncio.wait({request})

    def _check_start(self, limit: float) -> None:
        code, starts = self.exit_code, self.ledger.starts
        note = self.note  # read last: an app that ends writes its note first
        if failure := note.get("failure"):
            raise TargetError(f"{self.target}: {failure}")
        doing = note.get("doing", "being started")
        if doing != self._doing:
            self._doing, self._doing_since = doing, time.monotonic()
        if code is not None:
            raise TargetError(
                f"{self.target}: {self.kind.name} ended with {code} while {doing}; "
                f"its last words: {self.last_words()}"
            )
        if starts > 1:
            raise TargetError(
                f"{self.target}: the app ended while {doing} and {self.kind.name} started it "
                f"again; its last words: {self.last_words()}"
            )
        if time.monotonic() - self._doing_since > limit:
            raise TargetError(
                f"{self.target}: no answer on {self.kind.name} within {limit:.0f} s while {doing}"
            )

    @property
    def note(self) -> dict[str, Any]:
        """The note that the app's wrapper wrote (see ``inside.wrapper``); empty before that."""
        try:
            note = read_json(wrapper.note_path(self.ledger.path))
        except UsageError:  # it is not there yet, or the app has written something else
            return {}
        return note if isinstance(note, dict) else {}
