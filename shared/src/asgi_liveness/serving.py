"""One server: start it as its users do, wait until it answers, always end it.

The rule: every server lives in the group of a keeper (see ``keeper``) and is ended with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final, Self

import httpcore  # noqa: F401 (httpx imports it with its first request: late, if servers start)
import httpx

from asgi_liveness import observed
from asgi_liveness.errors import TargetError
from asgi_liveness.group import Group
from asgi_liveness.ledger import PATH_VARIABLE, Ledger

if TYPE_CHECKING:
    from types import TracebackType

    from asgi_liveness.servers import ServerKind

READY_LIMIT: Final = 10.0
"""Seconds that each part of a start may take: until the app is imported, the import, the lifespan
start-up, the first answer. A machine with more to do than cores takes several for the whole."""
_POLL: Final = 0.005  # seconds
_NOT_OURS: Final = ("UVICORN_", "WEB_CONCURRENCY")
"""Options in the environment: uvicorn would start more workers, or answer on another path."""


class Server:
    """A target on a server, from ``start`` to ``end``, or in a ``with`` block.

    ``start`` does not wait, so that several can start at once; ``ready`` does.
    *port* 0 takes a free one; *recommended* adds what the README recommends to the server's
    default settings.
    """

    def __init__(
        self, kind: ServerKind, target: str, port: int = 0, *, recommended: bool = False
    ) -> None:
        self.kind, self.target, self.port = kind, target, port
        self._command = kind.command + (kind.recommended if recommended else ())
        self._group: Group | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    def start(self) -> None:
        """Start the server in a group of its own.

        Raises ``LedgerError`` where no file can be made, ``TargetError`` where the port is taken.
        """
        self._doing_since = time.monotonic()
        self._doing = ""
        self._group = Group()
        try:
            self.ledger = Ledger.create(self.group.folder / "ledger")
            self._launch()
        except BaseException:
            self.end()
            raise

    def _launch(self) -> None:
        listener = _listen(self.port)
        with listener:
            self.port = listener.getsockname()[1]
            takes_descriptor = "{fd}" in " ".join(self._command)
            if not takes_descriptor:
                listener.close()
            with (self.group.folder / "stderr").open("wb") as stderr:
                self._process = subprocess.Popen(
                    [
                        sys.executable,
                        *(
                            part.format(fd=listener.fileno(), port=self.port)
                            for part in self._command
                        ),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                    env=self._environment(),
                    pass_fds=[listener.fileno()] if takes_descriptor else [],
                    process_group=self.group.id,
                )

    def _environment(self) -> dict[str, str]:
        """The runner's, without what would change the server; the app's files go with the group."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
        temporary = self.group.folder / "tmp"
        temporary.mkdir()
        return {
            **own,
            "TMPDIR": str(temporary),
            PATH_VARIABLE: str(self.ledger.path),
            observed.TARGET_VARIABLE: self.target,
        }

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, connections: int | None = None) -> httpx.AsyncClient:
        """Return a client of this server. It waits for ever: its caller has the limits."""
        return httpx.AsyncClient(
            base_url=self.url,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            timeout=None,  # noqa: S113 (a probe is never cancelled by itself)
            verify=False,  # noqa: S501 (there is no TLS; loading certificates takes 30 ms)
            trust_env=False,  # no proxy stands between
        )

    async def ready(self) -> None:
        """Wait for the first answer.

        Raises ``TargetError`` where the app reports that it cannot start, where the server ends
        or starts its app twice without an answer, and where a part of the start takes longer
        than ``READY_LIMIT``.
        """
        async with self.client() as client:
            request: asyncio.Task[httpx.Response] | None = None
            try:
                while True:
                    if request is None:
                        request = asyncio.create_task(client.get("/hello"))
                    await asyncio.wait({request}, timeout=_POLL)
                    if request.done():
                        if request.exception() is None and self.ledger.answers:
                            return
                        request = None
                        await asyncio.sleep(_POLL)
                    self._check_start()
            finally:
                if request is not None:
                    request.cancel()
                    await asyncio.wait({request})

    def _check_start(self) -> None:
        code, starts = self._process.poll() if self._process else None, self.ledger.starts
        note = self.note  # read last: an app that ends has left its note by then
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
        if time.monotonic() - self._doing_since > READY_LIMIT:
            raise TargetError(
                f"{self.target}: no answer on {self.kind.name} within {READY_LIMIT:.0f} s "
                f"while {doing}"
            )

    @property
    def note(self) -> dict[str, Any]:
        """What the app's wrapper says of the app (see ``observed``); empty before it says so."""
        try:
            note: dict[str, Any] = json.loads(observed.note_path(self.ledger.path).read_text())
        except FileNotFoundError:
            return {}
        return note

    @property
    def group(self) -> Group:
        """What all processes and files of the server are in, from ``start`` on."""
        assert self._group is not None
        return self._group

    @property
    def pid(self) -> int:
        """The id of the server's own process, the one that its users would signal."""
        assert self._process is not None
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the server's own process has ended."""
        return self._process is not None and self._process.poll() is not None

    def log(self) -> str:
        """Return what the server wrote to its standard error so far."""
        with contextlib.suppress(FileNotFoundError):
            return (self.group.folder / "stderr").read_text(errors="replace")
        return ""

    def last_words(self) -> str:
        """Return the last line that the server wrote to its standard error."""
        lines = reversed(self.log().split("\n"))
        return next((line.strip() for line in lines if line.strip()), "nothing")

    def end(self) -> None:
        """End everything that is of this server; may be repeated."""
        if self._group is not None:
            self._group.end(self._process)


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit it; uvicorn takes a descriptor for a UNIX socket and does not
        # set it, and then each keep-alive request waits 40 ms for a delayed acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise TargetError(
            f"port {port} on 127.0.0.1 cannot be listened on ({error.strerror}); choose another"
        ) from error
    return listener
