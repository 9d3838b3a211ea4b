"""What the tables of the contract say, as text for a terminal: routes, promises and remedies."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance import contract
from asgi_liveness.conformance.promises import PROMISES, REMEDIES
from asgi_liveness.conformance.words import needs_words, response_words

if TYPE_CHECKING:
    from collections.abc import Callable

_WIDTH: Final = 88  # columns of running text
CHOICES: Final = {
    "is one slow call (a driver, a file, a library that blocks)": "/offloaded",
    "is a model call that computes in C and releases the GIL": (
        "/offloaded, with as many threads as the model can serve at once; if it keeps the GIL, "
        "/process"
    ),
    "computes in Python": "/process; if it must stay in the app's process, /paced",
    "polls": "/supervised, and sleep for seconds instead of for 0",
    "belongs to one client": "/streamed",
    "must outlive the request": "/supervised, or /process if it computes",
    "must outlive the server, or needs more than one machine": "/queued",
}
"""What a loop is or does, and the remedy for it."""


def routes() -> str:
    """Return the routes of the contract, with their handlers."""
    parts = [
        _filled(
            "The routes of the contract. Responses are JSON. A loop steps a LoopBody: "
            '`body = asgi_liveness.LoopBody("/the-route")`, then '
            "`while body.running: body.step()`. From /offloaded on the routes are remedies, which "
            "a target need not have."
        )
    ]
    for row in contract.ROUTES:
        response = f"; the response: {words}" if (words := response_words(row)) else ""
        about = ", ".join(filter(None, (row.handler, needs_words(row)))).replace("`", "")
        parts.append(_entry(f"{row.method} {row.path}  ({about})", f"{row.does}{response}"))
    return "\n\n".join(parts) + "\n"


def promises() -> str:
    """Return the promises that each remedy is judged by."""
    entries = [
        _entry(row.name, row.text + ("" if row.judged else " (recorded, not judged)"))
        for row in PROMISES
    ]
    intro = _filled(
        "What a loop must keep in production. `asgi-liveness run TARGET --has REMEDY` judges a "
        "remedy by all of them."
    )
    last = "One case: asgi-liveness explain POOL-001"
    return "\n\n".join([intro, *entries, last]) + "\n"


def remedies() -> str:
    """Return the remedies, and which loop needs which."""
    intro = _filled(
        "Ways to run a loop, or a slow call, so that the app still answers. Each has the name of "
        "its route in the contract."
    )
    ways = "\n".join(_entry(row.path, row.does, 13) for row in REMEDIES)
    choices = "\n".join(_entry(loop, remedy) for loop, remedy in CHOICES.items())
    last = "What each must keep: asgi-liveness explain promises"
    return f"{intro}\n\n{ways}\n\nTake this for a loop that:\n\n{choices}\n\n{last}\n"


TOPICS: Final[dict[str, Callable[[], str]]] = {
    "remedies": remedies,
    "promises": promises,
    "routes": routes,
}


def _filled(words: str) -> str:
    return textwrap.fill(words, _WIDTH, break_on_hyphens=False, break_long_words=False)


def _entry(name: str, words: str, column: int = 0) -> str:
    """Return a name, and the words about it: in the same line from *column* on, or below it."""
    indent = " " * (column + 2 if column else 6)
    filled = textwrap.fill(
        words,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return f"  {name:<{column}}{filled.lstrip()}" if column else f"  {name}\n{filled}"
