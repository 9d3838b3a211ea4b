"""The routes of an app's OpenAPI document that a check can request without parameters."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import httpx

from asgi_liveness.checking.request import parse_path
from asgi_liveness.errors import UsageError
from asgi_liveness.probing.client import open_client

PATH: Final = "/openapi.json"
_MOST: Final = 2**24  # bytes of the document
_RESPONSE_LIMIT: Final = 10.0  # seconds for the document


async def plain_gets(url: str) -> list[str] | None:
    """Return the GET paths of the app at *url* that need no parameter; None without a document."""
    try:
        async with open_client(url, most=_MOST) as client:
            response = await asyncio.wait_for(client.get(PATH), _RESPONSE_LIMIT)
            document = response.json()
    except (TimeoutError, httpx.HTTPError, ValueError, RecursionError):
        return None
    paths = document.get("paths") if response.is_success and isinstance(document, dict) else None
    if not isinstance(paths, dict):
        return None
    return [path for path, item in paths.items() if _is_plain(path, item)]


def _is_plain(path: str, item: Any) -> bool:
    """Whether *item*, the description of *path*, has a GET that needs no parameter."""
    try:
        parse_path(path, "")
    except UsageError:
        return False
    if "{" in path or not isinstance(item, dict) or not isinstance(item.get("get"), dict):
        return False
    parameters = [
        parameter
        for holder in (item, item["get"])
        if isinstance(listed := holder.get("parameters"), list)
        for parameter in listed
    ]
    return all(isinstance(each, dict) and not _may_be_needed(each) for each in parameters)


def _may_be_needed(parameter: dict[str, Any]) -> bool:
    """Whether *parameter* is required; a reference may be."""
    return bool(parameter.get("required")) or "$ref" in parameter
