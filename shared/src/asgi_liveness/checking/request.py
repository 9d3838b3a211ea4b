"""The parts of a request, as people write them: ``GET /report``, a path, ``Name: value``.

The rule: no error repeats the value of a header.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
WEBSOCKET: Final = "WS"
"""What stands in place of a method where people name a WebSocket."""
_PATH: Final = re.compile(r"/(?!/)[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]*")
"""Two slashes would begin a host."""
_LONGEST: Final = 8000
"""Characters of a path, at most. RFC 9110, section 4.1, asks servers for no more."""
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FRAMING: Final = ("content-length", "transfer-encoding")
_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")


def parse_request(
    text: str, flag: str = "--during", known: Sequence[str] = (*METHODS, WEBSOCKET)
) -> tuple[str, str]:
    """Return method and path of ``GET /report``, ``/report`` or ``WS /prices``.

    *flag* names the option in the ``UsageError``, *known* has the methods that it may name.
    """
    *method, path = text.split() or [""]
    if len(method) > 1:
        raise UsageError(f"{flag} {text!r}: a path has no spaces, write %20 for each")
    name = method[0].upper() if method else "GET"
    if name == "WEBSOCKET":
        name = WEBSOCKET
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        meant = f"did you mean {near[0]}?" if near else f"there is {', '.join(known)}"
        raise UsageError(f"{flag} {text!r}: {method[0]} is no method; {meant}")
    if not method and path.upper() in known:
        raise UsageError(f"{flag} {text!r}: the path is missing; write '{path.upper()} /report'")
    return name, parse_path(path, flag)


def parse_path(path: str, name: str) -> str:
    """Return *path*, with its query; *name* names it in the ``UsageError``."""
    if len(path) > _LONGEST:
        raise UsageError(
            f"{name} {path[:40]!r}...: the path has {len(path)} characters; {_LONGEST} is the most"
        )
    if not _PATH.fullmatch(path):
        raise UsageError(
            f"{name} {path!r}: a path begins with one slash and has no spaces, as /report"
        )
    return path


def parse_header(text: str) -> tuple[str, str]:
    """Return name and value of ``Name: value``."""
    name, colon, value = text.partition(":")
    if not colon or not _NAME.fullmatch(name.strip()):
        raise UsageError("one of the headers has no name; write -H 'Name: value'")
    if not _VALUE.fullmatch(value):
        raise UsageError(
            f"the header {name.strip()} has a value that is not plain ASCII; leave that out"
        )
    if name.strip().lower() in _FRAMING:
        raise UsageError(f"the header {name.strip()} follows from the body; leave it out")
    return name.strip(), value.strip()
