"""Which routes of an OpenAPI document a check calls, and what it says of the others."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.checking.again import again
from asgi_liveness.checking.call import Call, headers_of
from asgi_liveness.checking.openapi import listed, names
from asgi_liveness.checking.untried import Untried
from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.checking.openapi import Listed
    from asgi_liveness.checking.options import Options

_HEALTH: Final = re.compile(r"health|alive|live|ready|ping|status|heartbeat", re.IGNORECASE)
MOST: Final = 20
"""Routes that ``--openapi`` calls, at most: each takes a window and a start of the app."""
WEBSOCKETS: Final = (
    "WebSocket routes do not stand in an OpenAPI document; name one: --during 'WS /path'."
)


@dataclass(frozen=True)
class Planned:
    """The calls of a document, and its other routes."""

    calls: list[Call]
    untried: list[Untried]
    health: str = ""
    """A path that looks like a health route, if the document has one."""

    @property
    def announcement(self) -> str:
        """A line that says what ``--openapi`` is about to call."""
        called = ", ".join(map(str, self.calls)) or "no route"
        left = f"; left out: {len(self.untried)}" if self.untried else ""
        return f"--openapi calls {called}{left}"


def planned(options: Options, document: Any, named: Sequence[Call]) -> Planned:
    """Return what to do with the routes of *document* that no call is *named* for.

    Raises ``UsageError`` where ``--openapi`` finds no route to call and none is named.
    """
    let_in = bool(options.headers or options.before)
    rows = listed(document, actions=options.openapi == "all", let_in=let_in)
    rows = [row for row in rows if not any(names(row, call.method, call.path) for call in named)]
    plain = [row for row in rows if not row.why]
    tried = plain[:MOST] if options.openapi else []
    if options.openapi and not tried and not named:
        raise UsageError(f"--openapi finds no route to try by itself{_first(options, rows)}")
    headers = headers_of(options.headers)
    return Planned(
        calls=[Call(row.method, row.path, headers) for row in tried],
        untried=[_untried(options, row) for row in rows if row not in tried],
        health=next((row.path for row in rows if not row.why and _HEALTH.search(row.path)), ""),
    )


def retry(options: Options, call: Call, why: str) -> Untried:
    """Return the route of a call that the app refused."""
    command = again(replace(options, during=(str(call),), openapi=False))
    return Untried(call.method, call.path, why, command)


def _untried(options: Options, row: Listed) -> Untried:
    bound = f"--openapi tries {MOST} routes at most"
    why = row.why or (bound if options.openapi else "no --during names it; --openapi tries it")
    return Untried(row.method, row.path, why, _command(options, row))


def _command(options: Options, row: Listed) -> str:
    if not row.example:
        return ""
    alone = replace(options, during=(row.example,), openapi=False, body=b"")
    return again(alone, row.words)


def _first(options: Options, rows: list[Listed]) -> str:
    """Return what would try the first route of a document, in words."""
    row = next((row for row in rows if row.example), None)
    if row is None:
        return ": the document lists none"
    return f": {row.method} {row.path} is left out, for {row.why}; try {_command(options, row)}"
