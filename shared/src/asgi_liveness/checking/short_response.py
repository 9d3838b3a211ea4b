"""A short response of the app, read up to a limit: that of a login, or the OpenAPI document."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.probing.client import ENDLESS

if TYPE_CHECKING:
    import httpx

    from asgi_liveness.checking.call import Headers

_LONGEST: Final = 16 * 2**20
"""Bytes of a body, at most. The OpenAPI document of a large app has 3 MB."""


@dataclass(frozen=True)
class ShortResponse:
    """A status, the headers and the body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    """Empty if it was too long or compressed."""

    def json(self) -> Any:
        """Return the value that the body means, or None."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def all(self, name: str) -> list[str]:
        """Return the values of every header of this *name*."""
        return [value for header, value in self.headers if header.lower() == name]


async def send_short(  # noqa: PLR0913 (the parts of a request)
    client: httpx.AsyncClient,
    method: str,
    path: str,
    headers: Headers = (),
    body: bytes | None = None,
    *,
    limit: float,
) -> ShortResponse:
    """Send a request of the target's own origin; *limit* in seconds.

    Raises ``TimeoutError`` or ``httpx.HTTPError`` without a response.
    """
    async with asyncio.timeout(limit):
        async with client.stream(
            method, path, headers=headers, content=body, extensions=ENDLESS
        ) as response:
            found = b"" if response.headers.get("content-encoding") else await _read(response)
            return ShortResponse(response.status_code, tuple(response.headers.multi_items()), found)


async def _read(response: httpx.Response) -> bytes:
    found = bytearray()
    async for chunk in response.aiter_bytes():
        found += chunk
        if len(found) > _LONGEST:
            return b""
    return bytes(found)
