"""What the requests of ``--before`` leave: cookies, and headers with values of their responses.

The rule: no error and no report repeats any of it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

import httpx

from asgi_liveness.checking.call import Call, headers_of
from asgi_liveness.checking.request import METHODS, parse_header, parse_request
from asgi_liveness.checking.short_response import send_short
from asgi_liveness.errors import TargetError, UsageError
from asgi_liveness.probing.client import open_client

if TYPE_CHECKING:
    from asgi_liveness.checking.call import Headers
    from asgi_liveness.checking.options import Options
    from asgi_liveness.checking.short_response import ShortResponse

_LIMIT: Final = 30.0
"""Seconds for one response. A first login may import much and hash a password."""
_FIELD: Final = re.compile(r"\{([^{}\s]+)\}")
_AGE: Final = re.compile(r"-?[0-9]{1,15}")
_ROUTED: Final = (301, 307, 308)  # no handler ran
_ERROR: Final = 400
_CHECK: Final = "check its path, -H and -d"


class Session:
    """The requests of ``--before``, and what they left."""

    def __init__(self, options: Options) -> None:
        self._calls = [_call(options, number) for number in range(len(options.before))]
        self._templates = [_template(text) for text in options.header_from]
        self._cookies: dict[str, str] = {}
        self._lifted: dict[str, str] = {}
        own = [text for row in options.before for text in row.headers]
        self.secret_headers: set[str] = {*own}
        """Every header that no output may show, as ``Name: value``: given, lifted, cookies."""
        self.secret_bodies: set[bytes] = {row.body for row in options.before if row.body}

    async def open(self, url: str) -> None:
        """Send the requests in their order to the app at *url*, which has just started.

        Raises ``UsageError`` for one that fails, and where no response has a wanted value.
        """
        self._cookies, self._lifted = {}, {}
        if not self._calls:
            return
        async with open_client(url) as client:
            for call in self._calls:
                client.cookies.clear()
                self._keep(await self._send(client, call))
        missing = [text for name, text in self._templates if name not in self._lifted]
        if missing:
            fields = " and ".join(_FIELD.findall(missing[0]))
            raise UsageError(
                f"--header-from: no --before request answered JSON with {{{fields}}}; write the "
                f"name that the answer has, as {{access_token}}, or {{data.token}} within another"
            )

    def joined(self, headers: Headers) -> Headers:
        """Return *headers* with those of the session, which win, and with its cookies."""
        names = {name.lower() for name in self._lifted}
        own = [row for row in headers if row[0].lower() not in {*names, "cookie"}]
        cookies = [value for name, value in headers if name.lower() == "cookie"]
        cookies += [f"{name}={value}" for name, value in self._cookies.items()]
        joined = [("Cookie", "; ".join(cookies))] if cookies else []
        return (*own, *self._lifted.items(), *joined)

    async def _send(self, client: httpx.AsyncClient, call: Call) -> ShortResponse:
        name = f"--before {call.method} {call.path.partition('?')[0]}"
        headers = self.joined(call.headers)
        body = call.body or None
        try:
            response = await send_short(client, call.method, call.path, headers, body, limit=_LIMIT)
        except TimeoutError as error:
            raise TargetError(f"{name} sent no answer within {_LIMIT:g} s; {_CHECK}") from error
        except httpx.HTTPError as error:
            kind = type(error).__name__
            raise TargetError(f"{name} got no answer ({kind}); {_CHECK}") from error
        if response.status >= _ERROR or response.status in _ROUTED:
            raise UsageError(f"{name} answered {response.status}; {_CHECK}")
        return response

    def _keep(self, response: ShortResponse) -> None:
        """Keep the cookies and the wanted values of *response*."""
        for text in response.all("set-cookie"):
            name, value, lives = _cookie(text)
            self._cookies.pop(name, None)
            if name and lives:
                self._cookies[name] = value
                self.secret_headers.add(f"Cookie: {value}")
        document = response.json() if self._templates else None
        for name, text in self._templates:
            found = {field: _value(document, field) for field in _FIELD.findall(text)}
            if all(found.values()):
                header = _FIELD.sub(lambda match, found=found: found[match[1]], text)  # type: ignore[misc]
                self._lifted[name] = parse_header(f"{name}: {header}")[1]
                self.secret_headers |= {f"{name}: {value}" for value in found.values()}


def _call(options: Options, number: int) -> Call:
    row = options.before[number]
    method, path = parse_request(row.request, "--before", METHODS)
    return Call(method, path, headers_of(row.headers, method, row.body), row.body)


def _template(text: str) -> tuple[str, str]:
    """Return name and value of a header whose value has names in braces."""
    name, value = parse_header(text)
    if not _FIELD.search(value):
        raise UsageError(
            "--header-from has no name in braces; write 'Authorization: Bearer {access_token}'"
        )
    return name, value


def _cookie(text: str) -> tuple[str, str, bool]:
    """Return name and value of a ``Set-Cookie`` header, and whether it keeps the cookie.

    Its domain, its path and ``Secure`` do not matter: one origin is asked, mostly on loopback.
    """
    pair, *attributes = text.split(";")
    name, _, value = pair.partition("=")
    try:
        parse_header(f"Cookie: {name}={value}")
    except UsageError:
        return "", "", False
    given = dict(_attribute(attribute) for attribute in attributes)
    age, expires = given.get("max-age"), given.get("expires", "")
    if age and _AGE.fullmatch(age):
        return name.strip(), value.strip(), int(age) > 0
    return name.strip(), value.strip(), not _past(expires)


def _attribute(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().lower(), value.strip()


def _past(expires: str) -> bool:
    try:
        moment = parsedate_to_datetime(expires)
    except (ValueError, TypeError, OverflowError):
        return False
    return moment.replace(tzinfo=moment.tzinfo or UTC) <= datetime.now(UTC)


def _value(document: Any, field: str) -> str:
    """Return the text or number at *field*, as ``data.token`` or ``items.0.id``; else ""."""
    for part in field.split("."):
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part in map(str, range(len(document))):
            document = document[int(part)]
        else:
            return ""
    is_given = isinstance(document, str | int) and not isinstance(document, bool)
    return str(document) if is_given else ""
