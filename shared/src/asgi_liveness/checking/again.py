"""The command that repeats a check, and the parts of a check that no output may show.

The rule: the values of headers and bodies are left out, and the user and password of an address.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from asgi_liveness.checking.duration import written
from asgi_liveness.checking.option import Option, OptionKind
from asgi_liveness.checking.options import DECLARED, DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.checking.before import Before
    from asgi_liveness.checking.options import Options


def again(options: Options, further: Sequence[str] = ()) -> str:
    """Return a command for a shell, with *further* words for its requests.

    They follow --during, since -H and -d after a --before would belong to that.
    """
    words = ["asgi-liveness", "check"]
    given = {
        option: value
        for name, option in DECLARED.items()
        if (value := getattr(options, name)) != DEFAULTS[name]
    }
    last = [_words(row, value) for row, value in given.items() if row.kind is OptionKind.WORDS]
    for option, value in given.items():
        words += [] if option.kind is OptionKind.WORDS else _words(option, value)
        words += further if option is DECLARED["during"] else ()
    return shlex.join([*words, *(word for row in last for word in row)])


def _words(option: Option, value: Any) -> list[str]:
    """Return the words that give an option its value."""
    if option.kind is OptionKind.FLAG:
        return [option.flag]
    if option.kind is OptionKind.SCOPE:
        return [option.flag if value is True else f"{option.flag}={value}"]
    if option.kind is OptionKind.WORDS:
        return [option.flag, *value]
    if option.kind is OptionKind.BEFORE:
        return [word for row in value for word in _before(option, row)]
    flag = [option.flag] if option.flag else []
    return [word for text in _texts(option.kind, value) for word in (*flag, text)]


def _before(option: Option, row: Before) -> list[str]:
    """Return the words that give a request before the windows; its query may hold a secret."""
    path, query, _ = row.request.partition("?")
    words = [option.flag, f"{path}{query}{'...' * bool(query)}"]
    words += _words(DECLARED["headers"], row.headers)
    return [*words, *(_words(DECLARED["body"], row.body) if row.body else ())]


def _texts(kind: OptionKind, value: Any) -> list[str]:
    """Return a value as people write it; several texts where the option is given several times."""
    match kind:
        case OptionKind.TARGET:
            return [shown_target(value)]
        case OptionKind.TIME:
            return [written(value)]
        case OptionKind.TEXTS:
            return list(value)
        case OptionKind.HEADERS:
            return [f"{text.partition(':')[0]}: ..." for text in value]
        case OptionKind.DATA:
            return ["..."]
        case _:
            return [str(value)]


def shown_target(target: str) -> str:
    """Return *target*, an address without its user and password, which may hold any character."""
    scheme, mark, rest = target.rpartition("@")[2], "", ""
    if "://" in target:
        scheme, mark, rest = target.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"
