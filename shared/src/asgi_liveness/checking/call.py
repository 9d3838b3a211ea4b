"""The requests that a check sends while it probes the app."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.request import WEBSOCKET, parse_header, parse_request
from asgi_liveness.errors import UsageError
from asgi_liveness.probing.request import Reading, Request

if TYPE_CHECKING:
    from asgi_liveness.checking.observation import CheckObservation
    from asgi_liveness.checking.options import Options

Headers = tuple[tuple[str, str], ...]

_FORM: Final = re.compile(rb"[^\s=&{}<>]+=[^\s&]*(?:&[^\s=&]+=[^\s&]*)*")
"""A form, as curl sends it by default: ``username=me&password=...``."""


@dataclass(frozen=True)
class Call:
    """A request that a check sends, once or repeatedly."""

    method: str
    """``WS`` opens a WebSocket."""
    path: str
    headers: Headers = ()
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_safe(self) -> bool:
        """Whether it may be sent more than once."""
        return self.method in ("GET", "HEAD")

    def request(self) -> Request:
        """Return a new request, due now."""
        kind = Request
        if self.method == WEBSOCKET:
            from asgi_liveness.probing.websocket import WebSocketRequest  # noqa: PLC0415 (an extra)

            kind = WebSocketRequest
        return kind(
            self.path,
            time.monotonic(),
            self.method,
            self.headers,
            self.body or None,
            Reading.WITH_RESTS,
        )


def calls_of(options: Options) -> list[Call]:
    """Return the calls that *options* name. Raises ``UsageError`` for one that cannot be sent."""
    calls = [Call(*parse_request(text)) for text in options.during]
    sockets = [call for call in calls if call.method == WEBSOCKET]
    if sockets:
        _import_websockets(sockets[0])
    headers = {call: headers_of(options.headers, call.method, options.body) for call in calls}
    return [replace(call, headers=headers[call], body=options.body) for call in calls]


def _import_websockets(call: Call) -> None:
    """Import what *call* needs, before a window: it would delay the probes."""
    try:
        import asgi_liveness.probing.websocket  # noqa: F401, PLC0415 (an extra)
    except ImportError as error:
        raise UsageError(
            f"--during '{call}': a WebSocket needs the package websockets, 15 or later, which is "
            f"not installed here: pip install 'asgi-liveness[websocket]'"
        ) from error


def headers_of(texts: tuple[str, ...], method: str = "GET", body: bytes = b"") -> Headers:
    """Return the headers of a request. JSON and a form get a content type unless one is given."""
    headers = [parse_header(text) for text in texts]
    named = {name.lower() for name, _ in headers}
    if method != WEBSOCKET and "content-type" not in named:
        if _is_json(body):
            headers.append(("Content-Type", "application/json"))
        elif _FORM.fullmatch(body):
            headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    return tuple(headers)


def still_open(call: str, observation: CheckObservation, *, live: bool) -> str:
    """Return a note on a call that had not ended when its window did."""
    seconds = f"{observation.ended - observation.began:.1f} s"
    if observation.early:
        return f"the verdict was certain after {seconds}, so {call} was closed then."
    if call.startswith(f"{WEBSOCKET} "):
        accepted = any(sent.response for sent in observation.calls)
        stayed = "stayed open for" if accepted else "was not accepted in"
        return f"{call} itself {stayed} the whole window of {seconds}, and was closed then."
    fine = " That is fine if it is endless by design." if live else ""
    return f"{call} itself had not ended after {seconds} and was closed.{fine}"


def _is_json(body: bytes) -> bool:
    """Whether *body* is JSON, which most frameworks parse only if its content type says so."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
