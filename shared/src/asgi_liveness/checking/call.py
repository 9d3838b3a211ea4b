"""The requests that a check sends while it probes the app."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.request import parse_header, parse_request
from asgi_liveness.probing.request import Reading, Request

if TYPE_CHECKING:
    from asgi_liveness.checking.options import Options
    from asgi_liveness.checking.watch import CheckObservation

_MOVED: Final = (301, 307, 308)
_REJECTED: Final = (404, 405, 422)

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Call:
    """A request that a check sends, once or repeatedly."""

    method: str
    path: str
    headers: Headers = ()
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def request(self) -> Request:
        """Return a new request, due now."""
        return Request(
            self.path,
            time.monotonic(),
            self.method,
            self.headers,
            self.body or None,
            Reading.WITH_RESTS,
        )


def calls_of(options: Options) -> list[Call]:
    """Return the calls that *options* name. Raises ``UsageError`` for a malformed one."""
    headers = headers_of(options)
    return [Call(*parse_request(text), headers, options.body) for text in options.during]


def headers_of(options: Options) -> Headers:
    """Return the headers of every call. A JSON body gets its content type unless one is given."""
    headers = [parse_header(text) for text in options.headers]
    if _is_json(options.body) and "content-type" not in {name.lower() for name, _ in headers}:
        headers.append(("Content-Type", "application/json"))
    return tuple(headers)


def rejection(call: Call, observation: CheckObservation) -> str:
    """Say why the app did no work for *call*; "" if it did, or if it did not respond."""
    response = observation.calls[0].response if observation.calls else None
    if response is not None and response.status in _MOVED:
        return (
            f"{call} answered {response.status}: its route is {response.location or 'elsewhere'}; "
            f"name that path with --during"
        )
    if response is not None and response.status in _REJECTED:
        return (
            f"{call} answered {response.status} and did no work; give it the path, the query, -H "
            f"and -d that it needs"
        )
    return ""


def _is_json(body: bytes) -> bool:
    """Whether *body* is JSON, which most frameworks parse only if its content type says so."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
