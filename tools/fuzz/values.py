"""Hostile values: texts, JSON, TOML and secrets. Each comes from a seeded generator."""

from __future__ import annotations

import base64
import html
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

TEXTS: Final = (
    *("", " ", "a", "/", "//", "/report", "GET /report", "GET", "@", "@/dev/zero", "-", "--"),
    *("\0", "\x1b", "\x1b[2J", "\x1b]0;title\x07", "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\"),
    *("\u202e", "\u2066x", "\u2028", "\ufeff", "\udcff", "\U000e0041", "😀", "é", "日本"),
    *("\n::error::x", "::error file=a,line=1::x", "##[group]x", "\r\n", "\t", "\x9b31m"),
    *("~~~~", "```", "<img src=x>", "![x](http://evil)", "a|b", "]]>", "&lt;", "%0A", "%s{}"),
    *("http://127.0.0.1:1/x", "//evil/x", "http://u:p@h", "../../etc/passwd", "/dev/zero", "$(id)"),
    *("9" * 400, "x" * 600, "/" + "a" * 70_000, "1e999", "nan", "-1", "0", "true", "null"),
)
_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1, 10**20, 10**400, 0.5, -0.5, 1e308, float("inf"), float("nan")),
    *("", "live", "stalled", [], {}, [[]], [None], [{}], {"a": 1}, {"": None}),
)


def text(rng: random.Random) -> str:
    """Return one hostile text, or several joined."""
    return rng.choice(("", " ", "\n")).join(rng.choices(TEXTS, k=rng.choice((1, 1, 1, 2, 3))))


def value(rng: random.Random) -> Any:
    """Return a hostile value of JSON."""
    return rng.choice((lambda: rng.choice(_VALUES), lambda: text(rng), lambda: _deep(rng)))()


def _deep(rng: random.Random) -> Any:
    found: Any = text(rng)
    for _ in range(rng.choice((3, 50, 900))):
        found = [found] if rng.random() < 0.5 else {"a": found}  # noqa: PLR2004 (even chances)
    return found


def mutated(data: Any, rng: random.Random) -> str:
    """Return JSON like *data*, with some hostile changes; perhaps no JSON at all."""
    for _ in range(rng.randint(1, 3)):
        _change(data, rng)
    try:
        written = json.dumps(data, indent=1)
    except RecursionError:
        written = "[" * 5000
    spoil = rng.random()
    if spoil < 0.1:  # noqa: PLR2004 (one in ten)
        return written[: rng.randrange(len(written))]
    if spoil < 0.2:  # noqa: PLR2004 (another one)
        at = rng.randrange(len(written))
        return written[:at] + rng.choice(TEXTS) + written[at + 1 :]
    return "[" * 100_000 if spoil < 0.22 else written  # noqa: PLR2004 (rare)


def _change(data: Any, rng: random.Random) -> None:
    """Change one place in *data*, at any depth."""
    places: list[tuple[Any, Any]] = []
    todo = [data]
    while todo:
        holder = todo.pop()
        if isinstance(holder, dict | list) and len(places) < 2000:  # noqa: PLR2004 (enough of them)
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            places += [(holder, key) for key in keys]
            todo += [holder[key] for key in keys]
    if not places:
        return
    holder, key = rng.choice(places)
    if rng.random() < 0.2:  # noqa: PLR2004 (one in five)
        del holder[key]
    elif rng.random() < 0.1 and isinstance(holder, dict):  # noqa: PLR2004 (one in ten)
        holder[text(rng)] = value(rng)
    else:
        holder[key] = value(rng)


def toml(rng: random.Random) -> bytes:
    """Return a file of settings or of known differences; perhaps no TOML at all."""
    table = rng.choice(("[tool.asgi-liveness]", "[tool]\nasgi-liveness = 1", "[[difference]]", ""))
    keys = ("target", "during", "probe", "headers", "duration", "case", "reason", "link", "body")
    rows = [f"{key} = {json.dumps(value(rng))}" for key in rng.sample(keys, rng.randint(0, 5))]
    found = "\n".join([table, *rows]).encode(errors="surrogatepass")
    odd = rng.random()
    if odd < 0.1:  # noqa: PLR2004 (one in ten)
        return b"a = " + b"[" * 100_000
    return bytes(rng.randbytes(50)) if odd < 0.15 else found  # noqa: PLR2004 (rare)


@dataclass(frozen=True)
class Secret:
    """A secret, the words that give it, and the texts by which an app may repeat it."""

    core: str
    """The part of it that no output may have, in whatever case."""
    words: tuple[str, ...]
    echoes: tuple[str, ...]


_ENCODINGS: Final[tuple[Callable[[str], str], ...]] = (
    str,
    str.upper,
    quote,
    quote_plus,
    repr,
    html.escape,
    json.dumps,
    lambda text: repr(text.encode()),
    lambda text: f"\x1b[1m{text}\x1b[0m",
)


def secret(rng: random.Random) -> Secret:
    """Return a secret that is given in one of many ways."""
    core = f"k{rng.randrange(16**9):09x}9"
    whole = core + rng.choice(("", "+/=", " x", "é", '"', "&b", "%41"))
    basic = base64.b64encode(f"someone:{whole}".encode()).decode()
    ways = {
        "header": ("-H", f"X-Token: {core}"),
        "bearer": ("-H", f"Authorization: Bearer {core}"),
        "basic": ("-H", f"Authorization: Basic {basic}"),
        "cookie": ("-H", f"Cookie: theme=dark; session={core}; x=y"),
        "json": ("-d", json.dumps({"user": {"name": "someone", "password": [whole]}})),
        "form": ("-d", f"user=someone&password={quote_plus(whole)}&x=1"),
        "xml": ("-d", f"<login><password>{html.escape(core)}</password></login>"),
    }
    way = rng.choice(list(ways))
    told = {"json": whole, "form": whole, "basic": whole}.get(way, core)
    echoes = tuple(encode(told) for encode in _ENCODINGS)
    return Secret(core, ways[way], echoes)
