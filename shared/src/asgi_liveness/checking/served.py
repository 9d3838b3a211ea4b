"""What is checked: an app, a command that serves one, or a server that runs already."""

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
from asgi_liveness.checking.named import program_of, way_home
from asgi_liveness.errors import TargetError, UsageError
from asgi_liveness.probing.client import open_client
from asgi_liveness.serving.launched import Launched
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import ServerKind, choose_servers, version

if TYPE_CHECKING:
    from asgi_liveness.checking.options import Options
    from asgi_liveness.serving.board import Board

_POLL: Final = 0.02  # seconds
_PATIENCE: Final = 5.0  # seconds for the answer of a server that runs
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (what servers say they listen on)


class App(Server):
    """An app, served by a server of the table."""

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

    async def answers(self, path: str) -> None:
        """Wait for the first answer. Raises ``TargetError`` where none comes."""
        try:
            await self.ready(path, self._limit)
        except TargetError as error:
            missing = "no module" in str(error).lower()
            raise TargetError(f"{error}{way_home(self.name) if missing else ''}") from error

    @property
    def described(self) -> str:
        """The server and its version."""
        program = self.kind.name.partition("/")[0]
        return f"{program} {version(program)}"


class Command(Launched):
    """A command that serves an app."""

    def __init__(self, options: Options) -> None:
        program, *arguments = options.command
        super().__init__((program_of(program), *arguments), max_stall=options.max_stall)
        self._limit = options.start_limit
        self._told = any("{port}" in part for part in self.command)
        self._host = "127.0.0.1"
        self.name = " ".join(options.command)
        self.described = Path(program).name

    @property
    def url(self) -> str:
        """Where it listens, as far as is known."""
        return f"http://{self._host}:{self.port}"

    async def answers(self, path: str) -> None:
        """Wait for the first answer. Raises ``TargetError`` where none comes."""
        began, listened = time.monotonic(), set[tuple[str, int]]()
        while time.monotonic() - began < self._limit:
            listened = {at for pid in self.group.members() for at in _listens(pid)}
            for host, port in sorted(listened):
                if self._told and port != self.port:
                    continue
                self._host, self.port = host, port
                if await _answers(self.url, path):
                    return
            if self.ended:
                raise TargetError(
                    f"{self.described} ended with {self.exit_code} before it answered; its last "
                    f"words: {self.last_words()}"
                )
            await asyncio.sleep(_POLL)
        ports = ", ".join(str(port) for _, port in sorted(listened)) or "no port"
        asked = f", and was told {self.port}" if self._told else ""
        raise TargetError(
            f"{self.described} gave no answer within {self._limit:g} s (--start-limit); it "
            f"listens on {ports}{asked}; its last words: {self.last_words()}"
        )


class Address:
    """A server that runs already. It is asked, and neither watched nor ended."""

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
        host = _ANYWHERE.get(host, host)
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
        named = f"[{host}]" if ":" in host else host
        self.url = f"{scheme}://{named}" + (f":{port}" if port else "")
        self.name = self.url

    def start(self) -> None:
        """There is nothing to start."""

    async def answers(self, path: str) -> None:
        """Ask once. Raises ``TargetError`` where it refuses or does not answer."""
        try:
            async with open_client(self.url) as client:
                await asyncio.wait_for(client.get(path), _PATIENCE)
        except TimeoutError as error:
            raise TargetError(
                f"{self.url} gave no answer to GET {path} within {_PATIENCE:g} s; is it frozen "
                f"already? py-spy dump --pid PID shows where"
            ) from error
        except httpx.HTTPError as error:
            raise TargetError(
                f"{self.url} cannot be asked ({type(error).__name__}: {error}); is the server "
                f"running, and on that port?"
            ) from error

    def last_words(self) -> str:
        """Nobody hears them."""
        return "nothing"

    def end(self, *, politely: bool = False) -> None:
        """There is nothing to end."""


Served = App | Command | Address


def served(options: Options) -> Served:
    """Return what the options ask for, not started. Raises ``UsageError`` where it can't be."""
    if options.command:
        return Command(options)
    if "://" in options.target:
        return Address(options)
    try:
        return App(options)
    except UsageError as error:
        raise UsageError(f"{error}{way_home(options.target)}") from error


def serving(target: Served) -> set[int]:
    """Return the processes that listen where the target is asked; none where nobody can tell."""
    if isinstance(target, Address):
        return set()
    return {
        pid
        for pid in target.group.members()
        if any(port == target.port for _, port in _listens(pid))
    }


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listens(pid: int) -> set[tuple[str, int]]:
    """Return the hosts and ports on which a process listens, as one asks them."""
    found = set()
    with contextlib.suppress(psutil.Error):
        for connection in psutil.Process(pid).net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                host = "[::1]" if connection.laddr.ip == "::1" else "127.0.0.1"
                found.add((host, connection.laddr.port))
    return found


async def _answers(url: str, path: str) -> bool:
    try:
        async with open_client(url) as client:
            await asyncio.wait_for(client.get(path), 1.0)
    except (TimeoutError, httpx.HTTPError):
        return False
    return True


def _kind(server: str, loop: str) -> ServerKind:
    """Return the row of the table. Raises ``UsageError`` where the server is not installed."""
    if server == "hypercorn":
        (kind,) = choose_servers([server])
        if loop != "uvloop":
            return kind
        command = tuple("uvloop" if part == "asyncio" else part for part in kind.command)
        return replace(kind, name="hypercorn/uvloop", command=command)
    if loop == "auto":  # as uvicorn itself chooses
        loop = "asyncio" if version("uvloop") is None else "uvloop"
    (kind,) = choose_servers([f"{server}/{loop}"])
    return kind
