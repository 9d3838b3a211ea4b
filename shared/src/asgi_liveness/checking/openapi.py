"""The routes of an app's OpenAPI document: those that a check may call, and what the others need.

The rule: a document is a stranger's text. Only paths of the app itself are called, and only those
that look as if they read.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import httpx

from asgi_liveness.checking.request import parse_path
from asgi_liveness.checking.short_response import send_short
from asgi_liveness.errors import UsageError
from asgi_liveness.probing.client import open_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from asgi_liveness.checking.call import Headers

PATHS: Final = ("/openapi.json", "/schema/openapi.json", "/api/openapi.json")
"""Where FastAPI and Quart-Schema, Litestar, and Django Ninja serve it."""
_PAGE: Final = "/docs"
"""FastAPI's page of the document, which names its path if that was changed."""
_NAMED: Final = re.compile(rb"""["'](/(?!/)[\w./-]*\.json)["']""")
_PAGES: Final = 3  # paths of that page that are tried
_LONGEST: Final = 200  # characters of a name
_LIMIT: Final = 10.0  # seconds for the document
_METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options")
_KIND: Final = re.compile(r"[\w.+-]+/[\w.+-]+")
_SECRET: Final = "..."  # noqa: S105 (stands for one)
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_FIELD: Final = re.compile(r"\{([^{}]*)\}")
_ACTIONS: Final = """
abort accept activate add approve ban buy cancel charge checkout clean cleanup clear confirm
create deactivate del delete deploy destroy disable drop enable erase exec execute exit flush
halt insert install invite kill logoff logout migrate notify pay poweroff publish purge quit
reboot refund regenerate register reject reload remove reset restart restore revoke rm rollback
rotate save seed send shutdown signoff signout stop submit subscribe terminate toggle transfer
trigger truncate uninstall unpublish unsubscribe update upgrade wipe
"""
"""Words of a path that does something rather than reads."""
ACTIONS: Final = frozenset(_ACTIONS.split())


@dataclass(frozen=True)
class Listed:
    """A route of the document."""

    method: str
    path: str
    """As the document has it, with names in braces."""
    why: str = ""
    """Why ``--openapi`` leaves it out; "" if it calls the route."""
    example: str = ""
    """A request of it, as people write it; "" where none can be written."""
    words: tuple[str, ...] = ()
    """The further words of a command that would try it."""


async def read_document(url: str, headers: Headers) -> Any:
    """Return the document of the app at *url*; None if it has none."""
    async with open_client(url) as client:
        try:
            async with asyncio.timeout(_LIMIT):
                for path in PATHS:
                    if document := await _document(client, path, headers):
                        return document
                page = await send_short(client, "GET", _PAGE, headers, limit=_LIMIT)
                for path in sorted({*_NAMED.findall(page.body)})[:_PAGES]:
                    if document := await _document(client, path.decode(), headers):
                        return document
        except (TimeoutError, httpx.HTTPError):
            pass
    return None


async def _document(client: httpx.AsyncClient, path: str, headers: Headers) -> Any:
    response = await send_short(client, "GET", path, headers, limit=_LIMIT)
    document = response.json() if response.status == httpx.codes.OK else None
    is_one = isinstance(document, dict) and isinstance(document.get("paths"), dict)
    return document if is_one else None


async def plain_gets(url: str) -> list[str] | None:
    """Return the GET paths of the app at *url* that need no parameter; None without a document."""
    document = await read_document(url, ())
    if document is None:
        return None
    return [row.path for row in listed(document, actions=True, let_in=True) if not row.why]


def listed(document: Any, *, actions: bool, let_in: bool) -> list[Listed]:
    """Return the routes of *document* in its order, the callable ones without a ``why``.

    *actions*: also those that look like one. *let_in*: the calls carry headers or cookies, which
    may be those that a route wants.
    """
    found = []
    for path, item in document["paths"].items():
        operations = item if isinstance(item, dict) else {}
        for method in _METHODS:
            if not isinstance(operation := operations.get(method), dict):
                continue
            row = _listed(document, method, path, item, operation, let_in=let_in)
            if not row.why and not actions and _acts(path, operation):
                row = replace(row, why="its name looks like an action; --openapi=all tries it")
            found.append(row)
    return found


def names(row: Listed, method: str, path: str) -> bool:
    """Whether *method* and *path* are a request of the route."""
    parts = _FIELD.split(row.path)
    pattern = "[^/?]+".join(re.escape(part) for part in parts[::2])
    return method == row.method and bool(re.fullmatch(pattern, path.partition("?")[0]))


def _listed(  # noqa: PLR0913 (the parts of a document)
    document: Any,
    method: str,
    path: str,
    item: Mapping[str, Any],
    operation: Mapping[str, Any],
    *,
    let_in: bool,
) -> Listed:
    """Return one route, with all that a request of it needs."""
    name = method.upper()
    if not _is_own(path):
        return Listed(name, _shown(path), "its path is none that an app has")
    needs, words, query = [], [], []
    values = {}
    for parameter in _parameters(document, item, operation):
        where, key = str(parameter.get("in", "")), _shown(str(parameter.get("name", "")))
        if where == "path":
            values[key] = _example(parameter)
        elif parameter.get("required") or not key:
            needs.append(key or "a parameter")
            if where == "query":
                query.append(f"{_quoted(key)}={_example(parameter)}")
            elif where in ("header", "cookie"):
                words += ["-H", f"{key}: {_SECRET}" if where == "header" else f"Cookie: {key}=..."]
    needs = [*(f"{{{key}}}" for key in _FIELD.findall(path)), *needs]
    if body := operation.get("requestBody"):
        needs.append("a body")
        words += [*_content_type(document, body), "-d", "@body"]
    if not let_in and _is_secured(document, operation):
        needs.append("a login")
        words += ["-H", f"Authorization: {_SECRET}"]
    filled = _FIELD.sub(lambda match: values.get(match[1], _quoted(match[1])), path)
    example = f"{name} {filled}{'?' * bool(query)}{'&'.join(query)}"
    reasons = [] if name == "GET" else ["it may change data"]
    reasons += [f"it needs {' and '.join(needs)}"] if needs else []
    return Listed(name, path, " and ".join(reasons), example, tuple(words))


def _is_own(path: str) -> bool:
    """Whether *path* can only be one of the app, and may stand in a line."""
    try:
        parse_path(path, "")
    except UsageError:
        return False
    return path.isprintable()


def _parameters(
    document: Any, item: Mapping[str, Any], operation: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    for holder in (item, operation):
        rows = holder.get("parameters")
        for row in rows if isinstance(rows, list) else []:
            found = _resolved(document, row)
            yield found if isinstance(found, dict) else {}


def _resolved(document: Any, row: Any) -> Any:
    """Return what *row* refers to within the document, or *row* itself."""
    reference = row.get("$ref") if isinstance(row, dict) else None
    if not isinstance(reference, str):
        return row
    found = document
    for part in reference.removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _example(parameter: Mapping[str, Any]) -> str:
    """Return a value that a parameter may have."""
    schema = parameter.get("schema")
    schema = schema if isinstance(schema, dict) else {}
    for value in (parameter.get("example"), schema.get("example"), schema.get("default")):
        if isinstance(value, str | int | float) and value != "":
            return _quoted(str(value))
    if schema.get("format") == "uuid":
        return "00000000-0000-0000-0000-000000000000"
    numeric = schema.get("type") in ("integer", "number")
    return "1" if numeric else _quoted(str(parameter.get("name", "")))


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _shown(text: str) -> str:
    """Return a stranger's text for a line of the report."""
    printable = "".join(each if each.isprintable() else "?" for each in text)
    return printable if len(printable) <= _LONGEST else f"{printable[:_LONGEST]}..."


def _content_type(document: Any, body: Any) -> list[str]:
    """Return the words for a body that is no JSON."""
    content = _resolved(document, body)
    types = content.get("content") if isinstance(content, dict) else None
    kinds = [kind for kind in types if isinstance(kind, str)] if isinstance(types, dict) else []
    if not kinds or any("json" in kind for kind in kinds) or not _KIND.fullmatch(kinds[0]):
        return []
    return ["-H", f"Content-Type: {kinds[0]}"]


def _is_secured(document: Any, operation: Mapping[str, Any]) -> bool:
    """Whether a request needs one of the document's security schemes."""
    schemes = operation.get("security", document.get("security"))
    return isinstance(schemes, list) and bool(schemes) and all(schemes)


def _acts(path: str, operation: Mapping[str, Any]) -> bool:
    """Whether the words of a path, or the first of its summary and id, name an action."""
    words = [word.lower() for word in _WORD.findall(path)]
    pairs = [first + second for first, second in itertools.pairwise(words)]
    texts = [operation.get(key) for key in ("summary", "operationId")]
    firsts = [_WORD.findall(text)[:2] for text in texts if isinstance(text, str)]
    named = [word.lower() for first in firsts for word in (*first[:1], "".join(first))]
    return not ACTIONS.isdisjoint([*words, *pairs, *named])
