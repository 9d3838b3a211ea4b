"""The target of a check: an app, a command that serves an app, or the address of a server."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx
import psutil

from asgi_liveness.checking.again import shown_target
from asgi_liveness.checking.named import program_of, tool_hint
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
_ANY_HOST: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (servers print these hosts)


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
            listened = {address for pid in self.group.members() for address in _listening(pid)}
            for host, port in sorted(listened):
                if self._takes_port and port != self.port:
                    continue
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
        ports = ", ".join(str(port) for _, port in sorted(listened)) or "no port"
        expected = f" ({{port}} was {self.port})" if self._takes_port else ""
        raise TargetError(
            f"{self.described} sent no response within {self._limit:g} s (--start-limit); it "
            f"listens on {ports}{expected}; its last log line: {self.last_words()}"
        )


class Address:
    """The address of a server that runs already. The check probes it, and does not end it."""

    board: Board | None = None
    ended = False
    described = "a server that runs already"

    def __init__(self, options: Options) -> None:
        try:
            parts = urlsplit(options.target)
            scheme, host, port = parts.scheme, parts.hostname or "", parts.port
        except ValueError:
            scheme = host = ""
        if scheme not in ("http", "https") or not host:
            raise UsageError(
                f"{shown_target(options.target)!r} is no address; write http://127.0.0.1:8000"
            )
        host = _ANY_HOST.get(host, host)
        if not _is_loopback(host) and not options.allow_remote:
            raise UsageError(
                f"{host} is not this machine; a check holds requests open and sends many: add "
                f"--allow-remote if the server is yours"
            )
        if parts.path not in ("", "/") or parts.query:
            raise UsageError(
                f"{shown_target(options.target)} has a path; leave it out, and name paths with "
                f"--probe and --during"
            )
        in_url = f"[{host}]" if ":" in host else host
        self.url = f"{scheme}://{in_url}" + (f":{port}" if port else "")
        self.name = self.url

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
                f"is frozen, py-spy dump --pid PID shows the line"
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
    if options.command:
        return Command(options)
    if "://" in options.target:
        return Address(options)
    try:
        return App(options)
    except UsageError as error:
        raise UsageError(f"{error}{tool_hint(options.target)}") from error


def serving(target: Served) -> set[int]:
    """Return the ids of the processes that listen on the target's port; none for an address."""
    if isinstance(target, Address):
        return set()
    return {
        pid
        for pid in target.group.members()
        if any(port == target.port for _, port in _listening(pid))
    }


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listening(pid: int) -> set[tuple[str, int]]:
    """Return the hosts and ports on which a process listens, as a URL writes them."""
    found = set()
    with contextlib.suppress(psutil.Error):
        for connection in psutil.Process(pid).net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                host = "[::1]" if connection.laddr.ip == "::1" else "127.0.0.1"
                found.add((host, connection.laddr.port))
    return found


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
