"""The target of a check: an app, a command that serves an app, or the address of a server."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from asgi_liveness.checking.again import shown_target
from asgi_liveness.checking.listening import ANY_HOST, asked, is_loopback, listening, shown
from asgi_liveness.checking.named import check_name, program_of, tool_hint
from asgi_liveness.errors import TargetError, UsageError
from asgi_liveness.probing.client import open_client
from asgi_liveness.serving.launched import Launched
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import ServerKind, choose_servers, version

if TYPE_CHECKING:
    from asgi_liveness.checking.options import Options
    from asgi_liveness.serving.board import Board

_POLL: Final = 0.02  # seconds between two attempts to reach a command
_RESPONSE_LIMIT: Final = 5.0  # seconds for the response of a server that already runs
_ATTEMPT_LIMIT: Final = 1.0  # seconds for one response of a command that is starting
_PORTS: Final = {"http": 80, "https": 443}
_UNUSED: Final = (
    "the user and the password in the address were not used; give them as a header: "
    "-H 'Authorization: Basic ...'"
)


class App(Server):
    """An app on a server of the table."""

    def __init__(self, options: Options) -> None:
        super().__init__(
            _kind(options.server, options.loop),
            options.target,
            factory=options.factory,
            app_dir=options.app_dir,
            max_stall=options.max_stall,
        )
        self._limit = options.start_limit
        self.name = options.target

    async def wait_until_ready(self, path: str) -> None:
        """Wait for the first response. Raises ``TargetError`` where none comes."""
        try:
            await self.ready(path, self._limit)
        except TargetError as error:
            missing = "no module" in str(error).lower()
            raise TargetError(f"{error}{tool_hint(self.name) if missing else ''}") from error

    @property
    def described(self) -> str:
        """The name and the version of the server."""
        program = self.kind.name.partition("/")[0]
        return f"{program} {version(program)}"


class Command(Launched):
    """A command that serves an app."""

    def __init__(self, options: Options) -> None:
        program, *arguments = options.command
        super().__init__((program_of(program), *arguments), max_stall=options.max_stall)
        self._limit = options.start_limit
        self._takes_port = any("{port}" in part for part in self.command)
        self._host = "127.0.0.1"
        self.name = " ".join(options.command)
        self.described = Path(program).name

    @property
    def url(self) -> str:
        """The address to probe; right once the command has responded."""
        return f"http://{self._host}:{self.port}"

    async def wait_until_ready(self, path: str) -> None:
        """Find the port and wait for a response. Raises ``TargetError`` where none comes."""
        began, listened = time.monotonic(), set[tuple[str, int]]()
        while time.monotonic() - began < self._limit:
            listened = {address for pid in self.group.members() for address in listening(pid)}
            for bound, port in sorted(listened):
                if self._takes_port and port != self.port:
                    continue
                for host in asked(bound):
                    self._host, self.port = host, port
                    if await _responds(self.url, path):
                        return
            if self.ended:
                went = ""
                if self.exit_code == 0 and self.group.members():
                    went = "; if it went to the background, leave that option out (gunicorn: -D)"
                raise TargetError(
                    f"{self.described} ended with {self.exit_code} before it responded; its last "
                    f"log line: {self.last_words()}{went}"
                )
            await asyncio.sleep(_POLL)
        places = ", ".join(shown(host, port) for host, port in sorted(listened)) or "no port"
        expected = f" ({{port}} was {self.port})" if self._takes_port else ""
        unasked = [host for host, _ in listened if not asked(host)]
        hint = ", which is not asked: let it listen on 127.0.0.1" if unasked else ""
        raise TargetError(
            f"{self.described} sent no response within {self._limit:g} s (--start-limit); it "
            f"listens on {places}{expected}{hint}; its last log line: {self.last_words()}"
        )


class Address:
    """The address of a server that runs already. The check probes it, and does not end it."""

    board: Board | None = None
    ended = False
    exit_code = None
    described = "a server that runs already"

    def __init__(self, options: Options) -> None:
        shown = shown_target(options.target)
        try:
            parts = urlsplit(shown)
            scheme, host, port = parts.scheme, parts.hostname or "", parts.port
        except ValueError:
            scheme = host = ""
        if scheme not in ("http", "https") or not host:
            raise UsageError(f"{shown!r} is no address; write http://127.0.0.1:8000")
        if port == 0:
            raise UsageError(f"{shown} has the port 0, on which nothing listens; name its port")
        self.unused = _UNUSED if shown != options.target else ""
        host = ANY_HOST.get(host, host)
        if not is_loopback(host) and not options.allow_remote:
            raise UsageError(
                f"{host} is not this machine; a check holds requests open and sends many: add "
                f"--allow-remote if the server is yours"
            )
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise UsageError(
                f"{shown} has a path; leave it out, and name paths with --probe and --during"
            )
        in_url = f"[{host}]" if ":" in host else host
        self.url = f"{scheme}://{in_url}" + (f":{port}" if port else "")
        self.name = self.url
        self.port = port or _PORTS[scheme]
        self.is_here = is_loopback(host)

    def start(self) -> None:
        """Do nothing: the server runs."""

    async def wait_until_ready(self, path: str) -> None:
        """Send one request. Raises ``TargetError`` where no response comes."""
        try:
            async with open_client(self.url) as client:
                await asyncio.wait_for(client.get(path), _RESPONSE_LIMIT)
        except TimeoutError as error:
            raise TargetError(
                f"{self.url} sent no response to GET {path} within {_RESPONSE_LIMIT:g} s; if it "
                f"is frozen, asgi-liveness attach :{self.port} shows the line"
            ) from error
        except httpx.HTTPError as error:
            raise TargetError(
                f"{self.url} sent no response ({type(error).__name__}: {error}); check that an "
                f"HTTP server runs on that port"
            ) from error

    def last_words(self) -> str:
        """Return a word in place of the log, which the check does not see."""
        return "nothing"

    def end(self, *, politely: bool = False) -> None:
        """Do nothing: the server belongs to the user."""


Served = App | Command | Address


def served(options: Options) -> Served:
    """Return the target that *options* name, not started. Raises ``UsageError`` for a bad one."""
    _check_texts(options)
    if options.app_dir and not Path(options.app_dir).is_dir():
        where = Path(options.app_dir).absolute()
        raise UsageError(f"--app-dir {options.app_dir}: there is no folder {where}")
    if options.command:
        return Command(options)
    if "://" in options.target:
        return Address(options)
    check_name(options.target)
    try:
        return App(options)
    except UsageError as error:
        raise UsageError(f"{error}{tool_hint(options.target)}") from error


def _check_texts(options: Options) -> None:
    """Raise ``UsageError`` for a text that no system takes as the word of a command."""
    for text in (options.target, options.app_dir, *options.command):
        try:
            is_fit = b"\0" not in os.fsencode(text)
        except UnicodeEncodeError:
            is_fit = False
        if not is_fit:
            raise UsageError(f"{text!r} has a character that no command can have; leave it out")


def serving(target: Served) -> set[int]:
    """Return the ids of the processes that listen on the target's port; none for an address."""
    if isinstance(target, Address):
        return set()
    return {
        pid
        for pid in target.group.members()
        if any(port == target.port for _, port in listening(pid))
    }


async def _responds(url: str, path: str) -> bool:
    try:
        async with open_client(url) as client:
            await asyncio.wait_for(client.get(path), _ATTEMPT_LIMIT)
    except (TimeoutError, httpx.HTTPError):
        return False
    return True


def _kind(server: str, loop: str) -> ServerKind:
    """Return a server's row of the table. Raises ``UsageError`` where it is not installed."""
    if server == "hypercorn":
        (kind,) = choose_servers([server])
        if loop != "uvloop":
            return kind
        command = tuple("uvloop" if part == "asyncio" else part for part in kind.command)
        return replace(kind, name="hypercorn/uvloop", command=command)
    if loop == "auto":  # the choice that uvicorn itself makes
        loop = "asyncio" if version("uvloop") is None else "uvloop"
    (kind,) = choose_servers([f"{server}/{loop}"])
    return kind
