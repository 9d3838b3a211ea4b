"""The routes that an app's OpenAPI document says can be asked for as they are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import httpx

from asgi_liveness.probing.client import open_client

if TYPE_CHECKING:
    from asgi_liveness.checking.served import Served

PATH: Final = "/openapi.json"
_PATIENCE: Final = 10.0  # seconds


async def plain_gets(target: Served) -> list[str] | None:
    """Return the paths of GET routes that need no parameter; None where there is no document."""
    try:
        async with open_client(target.url) as client:
            response = await asyncio.wait_for(client.get(PATH), _PATIENCE)
            document = response.json()
    except (TimeoutError, httpx.HTTPError, ValueError):
        return None
    paths = document.get("paths") if response.is_success and isinstance(document, dict) else None
    if not isinstance(paths, dict):
        return None
    return [path for path, item in paths.items() if _is_plain(path, item)]


def _is_plain(path: str, item: Any) -> bool:
    if "{" in path or not isinstance(item, dict) or not isinstance(item.get("get"), dict):
        return False
    parameters = [
        parameter
        for holder in (item, item["get"])
        if isinstance(listed := holder.get("parameters"), list)
        for parameter in listed
    ]
    return all(isinstance(one, dict) and not _may_be_needed(one) for one in parameters)


def _may_be_needed(parameter: dict[str, Any]) -> bool:
    return bool(parameter.get("required")) or "$ref" in parameter
