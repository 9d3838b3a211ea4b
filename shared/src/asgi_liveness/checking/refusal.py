"""Why a live window says nothing about its request: the app refused each call.

The rule: a stall is a finding whatever the app answered, and so is a 5xx, for which a handler ran.
No reason repeats the query of a redirect, which may be a token.
"""

from __future__ import annotations

import re
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from asgi_liveness.checking.request import WEBSOCKET

if TYPE_CHECKING:
    from asgi_liveness.checking.call import Call
    from asgi_liveness.checking.observation import CheckObservation
    from asgi_liveness.probing.response import Response

LACKS_LIBRARY: Final = "No supported WebSocket library"
"""What uvicorn logs where neither websockets nor wsproto is installed."""
_UPGRADED, _NOT_MODIFIED = 101, 304
_WORKED: Final = range(200, 300)
_MOVED: Final = range(300, 400)
_REFUSED: Final = range(400, 500)
_UPGRADE: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.UPGRADE_REQUIRED)
"""What a route that is only a WebSocket answers to a plain request."""
_ROUTED: Final = (301, 307, 308)
"""Redirects that most frameworks send before any handler runs, for a slash too many or too few."""
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_LOGIN: Final = re.compile(
    r"(?:^|/)(?:(?:log|sign)[-_]?(?:in|on)|o?auth2?|authori[sz]e|authenticate|sso|saml2?)\b",
    re.IGNORECASE,
)
"""A path where people log in."""
_REFUSING: Final = frozenset((1002, 1003, 1007, 1008, 1009, 1010))
"""Close codes that blame the client: RFC 6455, section 7.4.1."""
_OWN_CODES: Final = 3000
"""The first close code that belongs to libraries and apps, as 3000 for unauthorized."""
_LOG_IN: Final = (
    "give it what lets it in: -H 'Authorization: ...', or a login first, as --before 'POST /login' "
    "-d @login.json"
)
_INSTALL: Final = "pip install websockets into the app's environment"
_NEEDS: Final = "give it the path, the query, -H and -d that it needs"
_TO_DO: Final[dict[int, str]] = {
    HTTPStatus.UNAUTHORIZED: _LOG_IN,
    HTTPStatus.FORBIDDEN: _LOG_IN,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: _LOG_IN,
    HTTPStatus.METHOD_NOT_ALLOWED: "give it another method, as --during 'POST /report'",
    HTTPStatus.TOO_MANY_REQUESTS: "lift the limit of its rate for the check",
}
"""What to do about a status, where it is not that the request lacks something."""


def refusal(call: Call, observation: CheckObservation, *, lacks_library: bool = False) -> str:
    """Return why the app did no work for *call*, and what to add; "" if a call may have worked.

    *lacks_library*: its server said that it cannot open a WebSocket.
    """
    responses = [sent.response for sent in observation.calls]
    refused = [response for response in responses if response and _refused(call, response)]
    if not refused or len(refused) < len(responses):
        return ""
    counted = Counter((each.status, each.closed, each.location) for each in refused)
    (status, closed, location), _ = counted.most_common(1)[0]
    how = f"was closed with {closed}" if closed else f"answered {status}"
    if lacks_library:
        return f"{how}: its server has no library for WebSockets; {_INSTALL}"
    return f"{how} and did no work: {_to_do(call, status, location, closed)}"


def _refused(call: Call, response: Response) -> bool:
    """Whether the app refused, as far as the response shows."""
    if response.closed:
        return response.closed in _REFUSING or response.closed >= _OWN_CODES
    if response.error or response.status in (_UPGRADED, _NOT_MODIFIED):
        return False
    if response.status in _MOVED:
        # A form is answered with the way to its result, once it has been worked on.
        routed = response.status in _ROUTED or call.method in _SAFE
        return routed or bool(_LOGIN.search(_place(response.location)))
    return response.status in _REFUSED or (call.method == WEBSOCKET and response.status in _WORKED)


def _to_do(call: Call, status: int, location: str, closed: int) -> str:
    """Return what to do about a refusal."""
    if status in _MOVED:
        return _elsewhere(_place(location))
    if call.method == WEBSOCKET and not closed:
        return _handshake(call, status)
    if call.method == "GET" and status in _UPGRADE:
        return f"{_NEEDS}; a WebSocket is named as --during 'WS {call.path}'"
    return _TO_DO.get(status, _NEEDS)


def _elsewhere(place: str) -> str:
    """Return what to do about a redirect to *place*."""
    if _LOGIN.search(place):
        return f"it redirects to {place}; {_LOG_IN}"
    if "://" in place:
        return f"it redirects to {place}, and a check asks no other host"
    return f"it redirects to {place or 'nowhere'}; name that path with --during"


def _handshake(call: Call, status: int) -> str:
    """Return what to do about a WebSocket that was not accepted."""
    if status in _WORKED:
        return f"it is no WebSocket; name it as --during 'GET {call.path}'"
    if status == HTTPStatus.FORBIDDEN:
        return f"{_NEEDS} (a path without a WebSocket is refused so), or a login with --before"
    lacking = f"{_NEEDS}; or its server has no library for WebSockets: {_INSTALL}"
    return _TO_DO.get(status, lacking)


def _place(location: str) -> str:
    """Return where a redirect goes, without user, query and fragment."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else parts.path
