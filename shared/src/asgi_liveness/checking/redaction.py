"""The secrets of a check, and texts without them.

The rule: what headers and bodies hold is secret, whole and in parts, as given and as an app may
write it: decoded, escaped, in upper case. Names of headers, keys of JSON and of forms are not. The
user and the password of an address are.
"""

from __future__ import annotations

import base64
import binascii
import html
import itertools
import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote as quote_url
from urllib.parse import quote_plus, unquote_plus

from asgi_liveness.checking.again import shown_target
from asgi_liveness.checking.report import shown
from asgi_liveness.foreign import cut, plain
from asgi_liveness.stalls import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from asgi_liveness.checking.options import Options
    from asgi_liveness.checking.report import Report, WindowReport

_LEAST: Final = 4
"""Characters of a secret. A shorter value protects nothing, and stands in any text by chance."""
_LEAST_WORD: Final = 6
"""Characters of a secret that is letters only: without shorter words (name, json, test, true) a
report could not be read. Likewise the digits of a number in JSON, which mostly counts something."""
_LONG: Final = 8
"""Characters from which on a word is found within other words as well."""
_LONGEST: Final = 2**14
"""Characters of a secret. A longer text is a file, whose parts are looked for instead."""
_MOST: Final = 10_000
"""Parts of the headers and bodies. What has more is data: its first parts are redacted."""
_ERROR: Final = 1000  # characters of an error, which may quote what was typed, and the app
_DEPTH: Final = 6  # levels of one encoding in another
_USER: Final = re.compile(r"://[^/\s@]+@")
_SCHEMES: Final = {"bearer", "basic", "digest", "token", "apikey", "negotiate"}
_PIECES: Final = re.compile(r"[^\s;,&=\"'<>]+")
_TAGGED: Final = re.compile(r">([^<>]+)<|=\s*\"([^\"]*)\"|=\s*'([^']*)'")
_FIELD: Final = re.compile(r"[^=&;\s]+=[^&;]*(?:[&;]\s*[^=&;\s]+=[^&;]*)*[&;]?\s*")
_PART: Final = re.compile(r"\r?\n\r?\n(.*?)\r?\n--", re.DOTALL)
_TOKEN: Final = re.compile(r"(?=.*\d)(?=.*[A-Za-z]).{4,}|.{16,}")


@dataclass
class Redaction:
    """The secret parts of all that was given, so far."""

    public: str = ""
    """The words that the user shows anyway: target, command and requests. A part that is one of
    these words, without a digit, is no secret."""
    _parts: dict[str, str] = field(default_factory=dict)
    """Each part as an app may write it, and in lower case."""

    def add(
        self,
        headers: Iterable[str] = (),
        bodies: Iterable[bytes] = (),
        addresses: Iterable[str] = (),
    ) -> None:
        """Add what *headers* (``Name: value``) and *bodies* hold, and the users in *addresses*."""
        words = {word.casefold() for word in re.findall(r"[^\W\d_]+", self.public)}
        words |= {word.casefold() for word in re.split(r"[/\s?&=:.]+", self.public)}
        found = (
            part
            for given in (
                *(_of_text(text.partition(":")[2].strip()) for text in headers),
                *(_of_text(body.decode(errors="replace")) for body in bodies),
                *(_of_address(address) for address in addresses),
            )
            for part in given
            if _is_secret(part, words)
        )
        secret = dict.fromkeys(itertools.islice(found, _MOST))
        self._parts |= {form: form.casefold() for part in secret for form in _forms(part)}

    def text(self, text: str) -> str:
        """Return *text* without the secrets."""
        folded = text.casefold()
        found = [part for part, in_lower_case in self._parts.items() if in_lower_case in folded]
        if not found:
            return text
        ways = "|".join(_way(part) for part in sorted(found, key=len, reverse=True))
        return re.sub(ways, "...", text, flags=re.IGNORECASE)

    def report(self, report: Report) -> Report:
        """Return *report*, without the secrets and with plain texts.

        A word of letters that names a part of a culprit's path is none: a user may be called as the
        package is.
        """
        culprits = [route.culprit for route in report.routes if route.culprit]
        named = {part.casefold() for each in culprits for part in Path(each.file).parts}
        parts = {
            part: in_lower_case
            for part, in_lower_case in self._parts.items()
            if not (part.isalpha() and in_lower_case in named)
        }
        found = shown(report, replace(self, _parts=parts).text)
        return replace(found, routes=tuple(self._unquoted(route) for route in found.routes))

    def _unquoted(self, route: WindowReport) -> WindowReport:
        """Return *route*, whose culprit differs from its file if the lines around hold a secret.

        Then no rendering quotes them.
        """
        culprit = route.culprit
        if culprit is None or self.text(lines := "\n".join(quote.source(culprit))) == lines:
            return route
        return replace(route, culprit=replace(culprit, source=f"{culprit.source} ..."))

    def hide_in(self, error: Exception) -> None:
        """Take the secrets out of the text of an *error*, and make it plain."""
        error.args = (cut(self.text(plain(str(error))), _ERROR),)


def redaction_of(options: Options) -> Redaction:
    """Return the redaction of what *options* give."""
    requests = (*options.during, options.probe or "")
    visible = (shown_target(options.target), *options.command, *requests)
    redaction = Redaction(_USER.sub("://", " ".join(visible)))
    redaction.add(options.headers, [options.body], [options.target])
    for row in options.before:
        query = row.request.partition("?")[2]
        redaction.add(row.headers, [row.body, query.encode(errors="replace")])
    for word in (*options.command, *requests):
        redaction.add(addresses=_USER.findall(word))
    return redaction


def _is_secret(part: str, public: set[str]) -> bool:
    """Whether a report must not show *part*."""
    if not _LEAST <= len(part) <= _LONGEST or part.casefold() in _SCHEMES:
        return False
    if part.isalpha() and len(part) < _LEAST_WORD:
        return False
    return any(character.isdigit() for character in part) or part.casefold() not in public


def _way(part: str) -> str:
    """Return a regular expression for *part*. A short word is not found within another word."""
    if len(part) < _LONG and (part.isalpha() or part.isdigit()):
        return rf"(?<![^\W_]){re.escape(part)}(?![^\W_])"
    return re.escape(part)


def _forms(part: str) -> Iterator[str]:
    """Yield *part* as an app may write it."""
    yield part
    yield plain(part)
    yield json.dumps(part)[1:-1]
    yield json.dumps(part, ensure_ascii=False)[1:-1]
    yield repr(part)[1:-1]
    encoded = part.encode(errors="surrogateescape")
    yield repr(encoded)[2:-1]
    yield html.escape(part)
    yield quote_url(encoded, safe="")
    yield quote_url(encoded)
    yield quote_plus(encoded)
    yield base64.b64encode(encoded).decode().rstrip("=")


def _of_text(text: str, depth: int = _DEPTH) -> Iterator[str]:
    """Yield *text*, and the values that it holds."""
    yield text
    if not depth or len(text) < _LEAST:
        return
    for value in _values(text):
        if value != text:
            yield from _of_text(value, depth - 1)


def _values(text: str) -> Iterator[str]:
    """Yield the values in JSON, a form, cookies, a header, multipart or XML, or what it encodes."""
    try:
        yield from _leaves(json.loads(text))
    except (ValueError, RecursionError):
        pass
    else:
        return
    yield unquote_plus(text)
    yield from _decoded(text)
    yield from (piece for piece in _PIECES.findall(text) if _TOKEN.fullmatch(piece))
    if text.startswith("--"):
        yield from (found[1] for found in _PART.finditer(text))
    elif text.lstrip().startswith("<"):
        yield from (value for found in _TAGGED.findall(text) for value in found if value)
    elif _FIELD.fullmatch(text):
        pairs = re.split(r"[&;]\s*", text)
        yield from (pair.partition("=")[2].strip("\"' ") for pair in pairs)
    else:
        scheme, _, rest = text.partition(" ")
        if scheme.casefold() in _SCHEMES:
            yield rest.strip()
        yield from text.splitlines()


def _leaves(value: Any) -> Iterator[str]:
    """Yield the texts and the large numbers in a value of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for row in value.values() if isinstance(value, dict) else value:
            yield from _leaves(row)
    elif type(value) in (int, float) and sum(map(str.isdigit, str(value))) >= _LEAST_WORD:
        yield str(value)


def _decoded(text: str) -> Iterator[str]:
    """Yield what base64 holds: user and password, or the claims of a token."""
    for piece in text.split("."):
        if len(piece) < _LONG or not re.fullmatch(r"[\w+/-]+=*", piece, re.ASCII):
            continue
        padded = piece.rstrip("=") + "=" * (-len(piece.rstrip("=")) % 4)
        try:
            found = base64.urlsafe_b64decode(padded.replace("+", "-").replace("/", "_")).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
        if found.isprintable():
            yield found
            yield from found.split(":", 1)


def _of_address(address: str) -> Iterator[str]:
    """Yield the user and the password of an address, as ``shown_target`` leaves them out."""
    given = (address.partition("://")[2] or address).rpartition("@")[0]
    for part in (given, *given.split(":", 1)):
        yield from (part, unquote_plus(part))
