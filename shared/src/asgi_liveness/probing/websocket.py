"""One WebSocket, as a client outside of the server sees it: messages are read and discarded.

The rule: it never leaves the target's origin, and nothing of it outlives a cancelled task.
"""

from __future__ import annotations

import asyncio
import inspect
import ssl
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    WebSocketException,
)
from websockets.typing import Subprotocol

from asgi_liveness.probing.request import Request
from asgi_liveness.probing.response import Response

if TYPE_CHECKING:
    import httpx
    from websockets.exceptions import InvalidStatus as Refusal

if "proxy" not in inspect.signature(connect).parameters:
    raise ImportError("websockets is older than 15")

_LARGEST: Final = 4 * 2**20
"""Bytes of one message, at most. Longer messages exist; they are rare where people type a check."""
_QUEUE: Final = 4  # messages that wait to be read: with _LARGEST, this bounds the memory
_REST: Final = 0.02
"""Seconds between two reads of a flood: to read each message at once would delay the probes."""
_MESSAGES: Final = 100
"""Messages to read between two rests."""
_ACCEPTED: Final = 101
_TOO_LARGE: Final = 1009
_REGULAR: Final = (1000, 1001, 1005)
"""Close codes of a WebSocket that has come to its end: RFC 6455, section 7.4.1."""
_OWN: Final = frozenset(
    (
        *("connection", "host", "upgrade", "sec-websocket-extensions", "sec-websocket-key"),
        *("sec-websocket-protocol", "sec-websocket-version"),
    )
)
"""Headers that the handshake itself sends."""


class _Connect(connect):
    """The library's client, which would follow a redirect to any host."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Return the refusal itself."""
        return exc


@dataclass
class WebSocketRequest(Request):
    """A WebSocket under way. Its response is that to the handshake: status 101 if it is accepted.

    *body* is its first message: a text if it is UTF-8, else bytes.
    """

    async def _run(self, client: httpx.AsyncClient) -> None:
        try:
            connection = await self._connect(client)
        except InvalidStatus as error:
            self.response = _refusal(error)
            return
        except (OSError, EOFError, InvalidHandshake, WebSocketException, ValueError) as error:
            message = f"{type(error).__name__} {error}".strip()
            self.response = Response(at=time.monotonic(), error=message)
            return
        self.response = Response(at=time.monotonic(), status=_ACCEPTED)
        try:
            if self.body is not None:
                await connection.send(_message(self.body))
            await _discard(connection)
        except ConnectionClosed as end:
            self.response = replace(self.response, **_end(end))
        finally:
            connection.transport.abort()  # a closing handshake may never end

    async def _connect(self, client: httpx.AsyncClient) -> ClientConnection:
        """Connect to *client*'s own address, whatever the header ``Host`` says."""
        url, named = client.base_url, {name.lower(): value for name, value in self.headers}
        secure = url.scheme == "https"
        path = quote(self.path.partition("#")[0], safe="/?%:@!$&'()*+,;=~[]|")
        host = named.get("host") or url.netloc.decode()
        offered = named.get("sec-websocket-protocol", "")
        extra: dict[str, Any] = {"ssl": _unverified()} if secure else {}
        return await _Connect(
            f"{'wss' if secure else 'ws'}://{host}{path}",
            host=url.host,
            port=url.port or (443 if secure else 80),
            additional_headers=[row for row in self.headers if row[0].lower() not in _OWN],
            subprotocols=[Subprotocol(name.strip()) for name in offered.split(",")]
            if offered
            else None,
            compression=None,  # a short message could mean a very long one
            proxy=None,
            open_timeout=None,  # a late handshake must stay open, to be timed
            ping_interval=None,  # the app is frozen: that is what the window is about
            max_size=_LARGEST,
            max_queue=_QUEUE,
            **extra,
        )


def _unverified() -> ssl.SSLContext:
    """Return a context that takes any certificate, as the client of the probes does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _message(body: bytes) -> str | bytes:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


async def _discard(connection: ClientConnection) -> None:
    """Read to the end, with rests, so that a flood of messages does not delay the probes."""
    messages = 0
    while True:
        await connection.recv()
        messages += 1
        if not messages % _MESSAGES:
            await asyncio.sleep(_REST)


def _refusal(error: Refusal) -> Response:
    """Return the response to a handshake that the server did not accept."""
    return Response(
        at=time.monotonic(),
        status=error.response.status_code,
        location=error.response.headers.get("location", ""),
    )


def _end(end: ConnectionClosed) -> dict[str, Any]:
    """Return what the end of a connection adds to its response: nothing if it is regular."""
    if end.rcvd is None:
        too_large = end.sent is not None and end.sent.code == _TOO_LARGE
        size = f"a message had more than {_LARGEST // 2**20} MiB"
        return {"error": size if too_large else "the connection broke"}
    if end.rcvd.code in _REGULAR:
        return {}
    reason = f" {end.rcvd.reason}" if end.rcvd.reason else ""
    return {"closed": end.rcvd.code, "error": f"closed with {end.rcvd.code}{reason}"}
