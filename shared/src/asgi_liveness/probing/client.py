"""The HTTP client that sends every request.

The rule: only the target's own origin is asked, wherever an app points to; and of a response no
more is kept than a limit, decoded or not, and no cookie.
"""

from __future__ import annotations

from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Final, cast

import httpcore  # noqa: F401 (httpx imports it in its first request, which delays a probe)
import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MOST: Final = 2**20
"""Bytes of a body that are kept; the rest is not read. 80 probes wait at a time."""
ENDLESS: Final = {"endless": True}
"""The extensions of a request whose response is read and not kept."""


class ForeignOrigin(httpx.RequestError):
    """A request to another origin than the target's, which was not sent."""


def open_client(url: str, connections: int | None = None, most: int = MOST) -> httpx.AsyncClient:
    """Return a client of the server at *url*, with at most *connections* at a time.

    The client has no timeout: its callers limit their waits. It follows no redirect, keeps no
    cookie and the first *most* bytes of a body, and asks for bodies that are not compressed.
    """
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.AsyncClient(
        base_url=url,
        headers={"Accept-Encoding": "identity"},
        cookies=_NoCookies(),
        timeout=None,  # noqa: S113 (a late probe must stay open, to be timed)
        trust_env=False,  # no proxy between prober and server
        transport=_Transport(httpx.URL(url), limits, most),
    )


class _NoCookies(CookieJar):
    """A jar that stays empty: a probe is nobody's, and some cookies cannot be sent back."""

    def extract_cookies(self, response: object, request: object) -> None:
        """Keep nothing."""


class _Transport(httpx.AsyncHTTPTransport):
    def __init__(self, target: httpx.URL, limits: httpx.Limits, most: int) -> None:
        # Loopback mostly; loading certificates takes 30 ms.
        super().__init__(verify=False, trust_env=False, limits=limits)
        self._target, self._most = target, most

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if _origin(request.url) != _origin(self._target):
            raise ForeignOrigin(
                f"not sent: {request.url.host or 'no host'} is not the target's own host and port",
                request=request,
            )
        response = await super().handle_async_request(request)
        # A body that is compressed all the same stays so: a small one can become gigabytes.
        response.headers.pop("Content-Encoding", None)
        if not request.extensions.get("endless"):
            stream = cast("httpx.AsyncByteStream", response.stream)
            response.stream = _FirstPart(stream, self._most)
        return response


class _FirstPart(httpx.AsyncByteStream):
    """The first *most* bytes of a body, about: the last part that was received stays whole."""

    def __init__(self, stream: httpx.AsyncByteStream, most: int) -> None:
        self._stream, self._most = stream, most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._most
        async for part in self._stream:
            yield part
            left -= len(part)
            if left <= 0:
                return

    async def aclose(self) -> None:
        await self._stream.aclose()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    default = {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.host, url.port or default
