"""The HTTP client of a server that is probed."""

from __future__ import annotations

import httpcore  # noqa: F401 (httpx imports it with its first request: late, if servers start)
import httpx


def open_client(url: str, connections: int | None = None) -> httpx.AsyncClient:
    """Return a client of the server at *url*, with at most *connections* open ones.

    It waits without a limit: its caller has the limits.
    """
    return httpx.AsyncClient(
        base_url=url,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        timeout=None,  # noqa: S113 (a probe is never cancelled by itself)
        verify=False,  # noqa: S501 (loopback mostly; loading certificates takes 30 ms)
        trust_env=False,  # no proxy stands between
    )
