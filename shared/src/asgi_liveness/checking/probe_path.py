"""The path that a check probes."""

from __future__ import annotations

import asyncio
from typing import Final

import httpx

from asgi_liveness.errors import UsageError
from asgi_liveness.probing.client import open_client

USUAL: Final = ("/healthz", "/health", "/livez", "/")
"""The paths to try where --probe names none. The first that the app has is probed."""
_RESPONSE_LIMIT: Final = 5.0  # seconds for the first response of a path
_NOT_FOUND: Final = 404


async def choose_path(url: str, path: str = "", *, required: bool = False) -> str:
    """Return the path to probe on the server at *url*: *path*, or the first usual one.

    Raises ``UsageError`` where no path responds, and where a *required* path answers 404.
    """
    paths = (path,) if path else USUAL
    found = await asyncio.gather(*(_status(url, each) for each in paths))
    statuses = dict(zip(paths, found, strict=True))
    responding = [each for each, status in statuses.items() if status is not None]
    if not responding:
        raise UsageError(
            f"{' and '.join(paths)} sent no response within {_RESPONSE_LIMIT:g} s while the app "
            f"was idle; name a path that responds at once: --probe /healthz"
        )
    if required and statuses[path] == _NOT_FOUND:
        raise UsageError(
            f"--probe {path} answered 404; name a path that the app has, or leave --probe out: "
            f"then any response is a sign of life"
        )
    present = [each for each in responding if statuses[each] != _NOT_FOUND]
    return [*present, *responding][0]


async def _status(url: str, path: str) -> int | None:
    """Return the status of *path*, or None if it does not respond in time."""
    async with open_client(url) as client:
        try:
            return (await asyncio.wait_for(client.get(path), _RESPONSE_LIMIT)).status_code
        except (TimeoutError, httpx.HTTPError):
            return None
