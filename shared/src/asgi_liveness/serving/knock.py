"""Connections to a server that send nothing: only an event loop that runs takes them.

The rule: the system completes a connection by itself. The process that listens gets a descriptor
of it only when its event loop runs and accepts it. No byte is sent, and none is awaited.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asgi_liveness.serving.ports import Listener

_MOST: Final = 8
"""Connections that wait for a server at a time. Where several processes have sockets of their own
on one port, the system chooses one of them for each connection."""
_PASSES: Final = 3
"""How often a connection must be found waiting, where several processes may take it, to prove that
none of them does."""
_LOOPBACK: Final = {4: "127.0.0.1", 6: "::1"}


class Knock:
    """One connection to a socket that listens on this machine."""

    def __init__(self, listener: Listener) -> None:
        host = _reached(listener.host)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.port = listener.port
        self.passes = 0
        """How often it was found waiting."""
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        with contextlib.suppress(OSError):  # it is under way, or the queue of the server is full
            self._socket.connect((host, listener.port))
        self.own_port: int = self._socket.getsockname()[1]

    @property
    def is_over(self) -> bool:
        """Whether the server has closed it, which it can do only after it has taken it."""
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return False

    def close(self) -> None:
        """Close the connection, taken or not."""
        self._socket.close()


class Knocks:
    """Connections to all sockets on which *serving* processes listen, until each took one.

    ``again`` may run in a thread of its own, also while ``close`` is called: then nothing is left.
    """

    def __init__(self, serving: Mapping[int, list[Listener]]) -> None:
        self.taken: set[tuple[int, int]] = set()
        """The processes that took a connection, each with the port."""
        self._serving = serving
        self._open: dict[int, list[Knock]] = {}
        self._lock, self._is_closed = threading.Lock(), False

    def again(self) -> None:
        """See who took a connection, and connect again where a process has taken none yet."""
        with self._lock:
            if not self._is_closed:
                self._again()

    def _again(self) -> None:
        untried = {
            each.port
            for pid, listeners in self._serving.items()
            for each in listeners
            if (pid, each.port) not in self.taken
        }
        for pid, listeners in self._serving.items():
            if ports := untried & {each.port for each in listeners}:
                self._see(pid, ports)
        for knock in (knock for knocks in self._open.values() for knock in knocks):
            knock.passes += 1
        for pid, listeners in self._serving.items():
            for each in listeners:
                if (pid, each.port) not in self.taken:
                    self._knock(each)

    def took(self, pid: int) -> bool | None:
        """Return whether a process took connections; None if others took those of its port."""
        ports = {each.port for each in self._serving.get(pid, ())}
        if not ports:
            return None
        if all((pid, port) in self.taken for port in ports):
            return True
        untaken = [port for port in ports if (pid, port) not in self.taken]
        proven = any(
            knock.passes >= (1 if self._sharing(port) == 1 else _PASSES)
            for port in untaken
            for knock in self._open.get(port, ())
        )
        return False if proven else None

    def forget(self, pid: int) -> None:
        """Let a process take a connection once more."""
        self.taken = {(other, port) for other, port in self.taken if other != pid}

    def close(self) -> None:
        """Close all connections, and open none again."""
        with self._lock:
            self._is_closed = True
            for knock in (knock for knocks in self._open.values() for knock in knocks):
                knock.close()
            self._open.clear()

    def _see(self, pid: int, ports: set[int]) -> None:
        pairs = _connected(pid)
        for port in ports:
            waiting = self._open.get(port, [])
            is_alone = self._sharing(port) == 1
            for knock in list(waiting):
                is_taken = (port, knock.own_port) in pairs or (is_alone and knock.is_over)
                if is_taken:
                    self.taken.add((pid, port))
                if is_taken or knock.is_over:
                    knock.close()
                    waiting.remove(knock)

    def _knock(self, listener: Listener) -> None:
        waiting = self._open.setdefault(listener.port, [])
        if len(waiting) < min(self._sharing(listener.port), _MOST):
            with contextlib.suppress(OSError, ValueError):
                waiting.append(Knock(listener))

    def _sharing(self, port: int) -> int:
        """Return how many processes listen on a port."""
        return sum(
            any(each.port == port for each in listeners) for listeners in self._serving.values()
        )


def _connected(pid: int) -> set[tuple[int, ...]]:
    """Return the connections of a process: its own port, and the other side's."""
    with contextlib.suppress(psutil.Error):
        return {
            (*found.laddr[1:], *found.raddr[1:])
            for found in psutil.Process(pid).net_connections("tcp")
        }
    return set()


def _reached(bound: str) -> str:
    """Return the host at which a socket that is *bound* to a host is reached from here."""
    host = ipaddress.ip_address(bound.partition("%")[0])
    return _LOOPBACK[host.version] if host.is_unspecified else bound
