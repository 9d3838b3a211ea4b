"""The hosts and ports on which a server listens, and those that a check asks."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import Final

import psutil

ANY_HOST: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (servers print these hosts)
"""What to ask where a server listens on every host."""


def is_loopback(host: str) -> bool:
    """Whether *host* is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listening(pid: int) -> set[tuple[str, int]]:
    """Return the hosts and ports on which a process listens."""
    with contextlib.suppress(psutil.Error):
        return {
            (connection.laddr.ip, connection.laddr.port)
            for connection in psutil.Process(pid).net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
    return set()


def asked(bound: str) -> list[str]:
    """Return the hosts, as a URL writes them, that reach a socket which is *bound* to a host.

    None for the address of a network: a check asks only this machine's own.
    """
    try:
        host = ipaddress.ip_address(bound.partition("%")[0])
    except ValueError:
        return []
    if isinstance(host, ipaddress.IPv6Address):
        mapped = host.ipv4_mapped
        if mapped is None and host.is_unspecified:  # with or without IPv4: the socket decides
            return ["[::1]", "127.0.0.1"]
        if mapped is None:
            return [f"[{host}]"] if host.is_loopback else []
        host = mapped
    if host.is_unspecified:
        return ["127.0.0.1"]
    return [str(host)] if host.is_loopback else []


def shown(host: str, port: int) -> str:
    """Return an address as people write it; loopback is left out."""
    if host in ("127.0.0.1", *ANY_HOST):
        return str(port)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
