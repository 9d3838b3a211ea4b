"""What a check is asked for. The command, the settings file and Python fill in this one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from asgi_liveness.errors import UsageError

_LONGEST: Final = 3600.0  # seconds
_MOST: Final = 1000  # requests at a time


@dataclass(frozen=True)
class Options:
    """One check. Either *target* or *command* is named. Times in seconds."""

    target: str = ""
    """``module:attribute`` of an app, or the address of a server that runs."""
    command: tuple[str, ...] = ()
    """A command that serves the app; ``{port}`` in it is replaced by a free port."""
    during: tuple[str, ...] = ()
    """Requests, as ``GET /report`` or ``/report``."""
    probe: str | None = None
    """The path that is probed; None tries those that liveness probes mostly have."""
    server: str = "uvicorn"
    """What serves the app: ``uvicorn`` or ``hypercorn``."""
    loop: str = "auto"
    """The event loop: ``auto`` (the server's own choice), ``asyncio`` or ``uvloop``."""
    factory: bool = False
    """The target is a function that returns the app."""
    app_dir: str = ""
    """Where the app is looked for; the current directory if empty."""
    headers: tuple[str, ...] = ()
    """Headers of the requests, as ``Name: value``; they stand in no report."""
    body: bytes = b""
    """The body of the requests; it stands in no report."""
    duration: float = 4.0
    """How long each request is watched."""
    max_stall: float = 0.2
    """For how long the event loop may be inside one callback."""
    concurrency: int = 1
    """How many of a request are under way at a time."""
    openapi: bool = False
    """Take the GET routes without parameters of the app's OpenAPI document as well."""
    allow_remote: bool = False
    """The address may be of another machine."""
    start_limit: float = 60.0
    """How long the app may take until its first answer."""

    def __post_init__(self) -> None:
        if self.target and self.command:
            raise UsageError(
                f"{self.target!r} and a command after -- were given; leave one of them out"
            )
        if not self.target and not self.command:
            raise UsageError(
                "there is nothing to check; name an app as module:attribute, an address, or a "
                "command after --"
            )
        for name, least in (("duration", 0.5), ("max_stall", 0.005), ("start_limit", 1.0)):
            if not least <= getattr(self, name) <= _LONGEST:
                shown = name.replace("_", "-")
                raise UsageError(
                    f"--{shown} is {getattr(self, name):g} s; give {least:g} s to an hour"
                )
        if not 1 <= self.concurrency <= _MOST:
            raise UsageError(f"--concurrency is {self.concurrency}; give 1 to {_MOST}")
        if self.server not in ("uvicorn", "hypercorn"):
            raise UsageError(
                f"no server is called {self.server!r}; choose uvicorn or hypercorn, or give any "
                f"other as a command: -- granian --port {{port}} ..."
            )
        if self.loop not in ("auto", "asyncio", "uvloop"):
            raise UsageError(
                f"no event loop is called {self.loop!r}; choose auto, asyncio or uvloop"
            )
