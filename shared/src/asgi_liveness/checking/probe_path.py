"""The path that a check probes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import httpx

from asgi_liveness.errors import UsageError
from asgi_liveness.probing.client import open_client

if TYPE_CHECKING:
    from collections.abc import Callable

USUAL: Final = ("/healthz", "/health", "/livez", "/")
"""The paths to try where --probe names none. The first that the app has is probed."""
_RESPONSE_LIMIT: Final = 5.0  # seconds for the first response of a path
_NOT_FOUND: Final = 404


async def choose_path(
    url: str,
    path: str = "",
    *,
    required: bool = False,
    stalls: Callable[[], bool] = lambda: False,
) -> str:
    """Return the path to probe on the server at *url*: *path*, or the first usual one.

    They are tried one after the other, so that an app is not held up by what nobody needs. An app
    that *stalls* is probed though it does not respond.

    Raises ``UsageError`` where no path responds, and where a *required* path answers 404.
    """
    paths = (path,) if path else USUAL
    responding = []
    for each in paths:
        status = await _status(url, each)
        if status is None and stalls():
            return each
        if required and status == _NOT_FOUND:
            raise UsageError(
                f"--probe {path} answered 404; name a path that the app has, or leave --probe out: "
                f"then any response is a sign of life"
            )
        if status not in (None, _NOT_FOUND):
            return each
        if status:
            responding.append(each)
    if not responding:
        raise UsageError(
            f"{' and '.join(paths)} sent no response within {_RESPONSE_LIMIT:g} s while the app "
            f"was idle; name a path that responds at once: --probe /healthz"
        )
    return responding[0]


async def _status(url: str, path: str) -> int | None:
    """Return the status of *path*, or None if it does not respond in time."""
    async with open_client(url) as client:
        try:
            return (await asyncio.wait_for(client.get(path), _RESPONSE_LIMIT)).status_code
        except (TimeoutError, httpx.HTTPError):
            return None
