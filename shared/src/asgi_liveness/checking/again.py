"""The command that repeats a check, and what of a check may be shown.

The rule: what headers and bodies hold, and the user and password of an address, is left out.
"""

from __future__ import annotations

import shlex
from dataclasses import fields
from typing import Final

from asgi_liveness.checking.duration import written
from asgi_liveness.checking.options import Options

_SECRET: Final = 4  # characters; what is shorter stands in any text
_FLAGS = ("factory", "openapi", "allow_remote")
_TIMES = ("duration", "max_stall", "start_limit")
_TEXTS = ("probe", "server", "loop", "app_dir", "concurrency")


def again(options: Options) -> str:
    """Return a command for a shell."""
    words = ["asgi-liveness", "check"]
    if options.target:
        words.append(shown_target(options.target))
    for request in options.during:
        words += ["--during", request]
    for header in options.headers:
        words += ["-H", f"{header.partition(':')[0]}: ..."]
    if options.body:
        words += ["-d", "..."]
    usual = {field.name: field.default for field in fields(Options)}
    for name in (*_TEXTS, *_TIMES, *_FLAGS):
        value = getattr(options, name)
        if value != usual[name]:
            words.append(f"--{name.replace('_', '-')}")
            words += [] if name in _FLAGS else [written(value) if name in _TIMES else str(value)]
    if options.command:
        words += ["--", *options.command]
    return shlex.join(words)


def shown_target(target: str) -> str:
    """Return *target*, an address without its user and password."""
    if "://" not in target:
        return target
    scheme, _, rest = target.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def without_secrets(text: str, options: Options) -> str:
    """Return *text*, a server's words mostly, without what headers and bodies hold."""
    values = [header.partition(":")[2].strip() for header in options.headers]
    parts = {word for value in values for word in (value, *value.split())}
    for secret in sorted({*parts, options.body.decode(errors="replace").strip()}, key=len)[::-1]:
        if len(secret) >= _SECRET:
            text = text.replace(secret, "...")
    return text
