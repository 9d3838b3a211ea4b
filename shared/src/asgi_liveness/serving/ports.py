"""The processes that listen on a port of this machine, and the ports of a process.

The rule: a process that this user may not see is counted, and its absence is never guessed.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable

_EPOLL: Final = "anon_inode:[eventpoll]"
_WATCHED: Final = "tfd:"
"""How a line of an epoll's ``fdinfo`` begins that names a descriptor."""


class Listener(NamedTuple):
    """A socket on which a process listens."""

    host: str
    port: int
    fd: int
    """Its descriptor in that process."""


class Listeners(NamedTuple):
    """The processes that listen on a port."""

    processes: set[int]
    """Also the parents and children that share a socket."""
    hidden: bool
    """Another process listens there, and this user may not see which."""


def listeners_of(pid: int) -> list[Listener]:
    """Return the sockets on which a process listens; none where this user may not see them."""
    with contextlib.suppress(psutil.Error):
        return [
            Listener(found.laddr.ip, found.laddr.port, found.fd)
            for found in psutil.Process(pid).net_connections("tcp")
            if found.status == psutil.CONN_LISTEN
        ]
    return []


def listening(pid: int) -> set[tuple[str, int]]:
    """Return the hosts and ports on which a process listens."""
    return {(found.host, found.port) for found in listeners_of(pid)}


def listeners_on(port: int) -> Listeners:
    """Return the processes that listen on *port*.

    The system names one process for each socket; its parents and children may share it.
    """
    found = {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
    }
    known = {pid for pid in found if pid}
    near = {*known, *(parent for pid in known for parent in _parents(pid))}
    sharing = {pid for pid in near if _listens(pid, port)}
    return Listeners(
        sharing | {pid for pid in offspring(sharing) if _listens(pid, port)}, hidden=None in found
    )


def offspring(pids: Iterable[int]) -> set[int]:
    """Return the processes that *pids* have started, and those which these have."""
    found = set[int]()
    for pid in set(pids):
        with contextlib.suppress(psutil.Error):
            found |= {child.pid for child in psutil.Process(pid).children(recursive=True)}
    return found


def polled(pids: Iterable[int], port: int = 0) -> dict[int, list[Listener]]:
    """Return the listening sockets that an epoll of each process watches, as event loops do.

    Processes without any are left out; so are sockets of another *port*, unless that is 0.
    """
    found = {pid: listeners_of(pid) for pid in sorted(set(pids))}
    listening = {pid: sockets for pid, sockets in found.items() if sockets}
    watched = {pid: _watched(pid) for pid in listening}
    chosen = {
        pid: [each for each in sockets if each.fd in watched[pid] and port in (0, each.port)]
        for pid, sockets in listening.items()
    }
    return {pid: sockets for pid, sockets in chosen.items() if sockets}


def _listens(pid: int, port: int) -> bool:
    return any(found.port == port for found in listeners_of(pid))


def _parents(pid: int) -> list[int]:
    with contextlib.suppress(psutil.Error):
        return [parent.pid for parent in psutil.Process(pid).parents()]
    return []


def _watched(pid: int) -> set[int]:
    """Return the descriptors that the epolls of a process watch."""
    found = set[int]()
    process = Path(f"/proc/{pid}")
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                if str(descriptor.readlink()) != _EPOLL:
                    continue
                lines = (process / "fdinfo" / descriptor.name).read_text().splitlines()
                found |= {int(line.split()[1]) for line in lines if line.startswith(_WATCHED)}
    return found
