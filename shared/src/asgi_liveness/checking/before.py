"""A request that a check sends before its windows, such as a login, as people describe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from asgi_liveness.errors import UsageError
from asgi_liveness.files import read_bytes

_KEYS: Final = ("request", "headers", "body")
_SHAPE: Final = '{request = "POST /login", headers = ["Name: value"], body = "@login.json"}'


@dataclass(frozen=True)
class Before:
    """One request, which is sent each time that the app has started."""

    request: str
    """As ``POST /login``."""
    headers: tuple[str, ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)


def read_data(text: str, name: str, folder: Path = Path()) -> bytes:
    """Return *text* as bytes, or the file that it names after an ``@``, relative to *folder*.

    *name* names the file in the ``UsageError``, whose own name may be a body without quotes.
    """
    if not text.startswith("@"):
        return text.encode(errors="surrogateescape")
    return read_bytes(folder / text[1:], name=name)


def header_texts(headers: object) -> tuple[str, ...] | None:
    """Return headers as ``Name: value``, from a mapping or from such texts; None for others."""
    if isinstance(headers, Mapping):
        headers = [f"{name}: {value}" for name, value in headers.items()]
    rows = [headers] if isinstance(headers, str) else headers
    if isinstance(rows, list | tuple) and all(isinstance(row, str) and row for row in rows):
        return tuple(rows)
    return None


def described(row: object, name: str, folder: Path | None = None) -> Before:
    """Return the request that *row* describes: a ``Before``, ``POST /login``, or a table.

    A body of text may name a file in *folder* if there is one. *name* names the option in the
    ``UsageError``, which repeats no value.
    """
    if isinstance(row, Before):
        return row
    table: Mapping[str, Any] = {"request": row} if isinstance(row, str) else {}
    if isinstance(row, Mapping):
        table = row
    headers, body = header_texts(table.get("headers", ())), table.get("body", b"")
    if isinstance(body, str):
        body = (
            body.encode()
            if folder is None
            else read_data(body, f"{name}: the file of a body", folder)
        )
    if (
        not isinstance(table.get("request"), str)
        or headers is None
        or not isinstance(body, bytes)
        or not table.keys() <= {*_KEYS}
    ):
        raise UsageError(f"{name}: write each as {_SHAPE}")
    return Before(table["request"], headers, body)
