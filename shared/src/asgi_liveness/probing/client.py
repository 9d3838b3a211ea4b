"""The HTTP client that sends the probes."""

from __future__ import annotations

import httpcore  # noqa: F401 (httpx imports it in its first request, which delays a probe)
import httpx


def open_client(url: str, connections: int | None = None) -> httpx.AsyncClient:
    """Return a client of the server at *url*, with at most *connections* at a time.

    The client has no timeout: its callers limit their waits.
    """
    return httpx.AsyncClient(
        base_url=url,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        timeout=None,  # noqa: S113 (a late probe must stay open, to be timed)
        verify=False,  # noqa: S501 (loopback mostly; loading certificates takes 30 ms)
        trust_env=False,  # no proxy between prober and server
    )
