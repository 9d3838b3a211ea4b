"""The arguments of ``asgi_liveness.check()``, made into the options of a check."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from asgi_liveness.checking.before import described, header_texts
from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def given(
    target: str | Sequence[str] = "",
    *,
    during: str | Sequence[str] = (),
    headers: Mapping[str, str] | Sequence[str] = (),
    before: Any = (),
    header_from: str | Sequence[str] = (),
    **further: Any,
) -> dict[str, Any]:
    """Return the fields of ``Options`` that a call names; a target of several words is a command.

    Raises ``UsageError`` inside a running event loop, which the check would block.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise UsageError(
            "check() was called in a running event loop, which it would block; call it from a "
            "plain def, or by `await asyncio.to_thread(...)`"
        )
    found = dict(further)
    if target:
        found |= {"target": target} if isinstance(target, str) else {"command": tuple(target)}
    if during:
        found["during"] = (during,) if isinstance(during, str) else tuple(during)
    if headers:
        texts = header_texts(headers)
        if texts is None:
            raise UsageError("headers: give a mapping, or texts as 'Name: value'")
        found["headers"] = texts
    if before:
        rows = before if isinstance(before, list | tuple) else [before]
        found["before"] = tuple(described(row, "before") for row in rows)
    if header_from:
        found["header_from"] = (header_from,) if isinstance(header_from, str) else (*header_from,)
    return found
