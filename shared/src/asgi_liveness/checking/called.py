"""The arguments of ``asgi_liveness.check()``, made into the options of a check."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


def given(
    target: str | Sequence[str] = "",
    *,
    during: str | Sequence[str] = (),
    headers: Mapping[str, str] | Sequence[str] = (),
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
        if isinstance(headers, Mapping):
            headers = [f"{name}: {value}" for name, value in headers.items()]
        found["headers"] = tuple(headers)
    return found
