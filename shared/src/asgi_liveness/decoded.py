"""Values of JSON, made into the dataclasses that they were written from.

The rule: each value has the type that its field declares, or the whole is refused. What reads a
report then needs no checks of its own.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Hints = Callable[[Any], dict[str, Any]]
    """Returns the type of each field of a type."""

_MOST: Final = 1e15
"""The largest number that is read: as seconds 30 million years, and exact as a float."""
_DEPTH: Final = 20  # levels of lists and tables within a field of any type

T = TypeVar("T")


class Mismatch(ValueError):
    """A value that is missing, unknown, or of another type than its field declares."""


def decode(kind: type[T], data: Any, names: Mapping[str, Any] | None = None) -> T:
    """Return *data* as a *kind*; *names* holds the types that modules import for types alone.

    Raises ``Mismatch``.
    """
    # The hints of a type are the same for each of its thousands of rows.
    hints = functools.cache(functools.partial(get_type_hints, localns=dict(names or {})))
    found: T = _decode(kind, data, hints)
    return found


def _decode(kind: Any, data: Any, hints: Hints) -> Any:
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, types.UnionType):
        return _first(arguments, data, hints)
    if origin in (tuple, list):
        _require(isinstance(data, list))
        return origin(_decode(arguments[0], row, hints) for row in data)
    if origin is dict:
        _require(isinstance(data, dict))
        return {key: _decode(arguments[1], row, hints) for key, row in data.items()}
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        return _fields(kind, data, hints)
    return _any(data, _DEPTH) if kind is Any else _single(kind, data)


def _single(kind: Any, data: Any) -> Any:
    """Return a text, a number, a truth value or a member of an ``Enum``."""
    if issubclass(kind, Enum):
        _require(isinstance(data, str) and data in {*kind})
        return kind(data)
    _require(type(data) is kind or (kind is float and type(data) is int))
    _require(not isinstance(data, int | float) or abs(data) < _MOST)
    return kind(data)


def _first(kinds: tuple[Any, ...], data: Any, hints: Hints) -> Any:
    """Return *data* as the first of the *kinds* that it can be."""
    if data is None and type(None) in kinds:
        return None
    for kind in kinds:
        try:
            return _decode(kind, data, hints)
        except Mismatch:
            continue
    raise Mismatch


def _fields(kind: Any, data: Any, hints: Hints) -> Any:
    """Return *data* as a dataclass or a named tuple."""
    _require(isinstance(data, dict))
    types_of = hints(kind)
    _require(data.keys() <= types_of.keys())
    try:
        return kind(**{name: _decode(types_of[name], row, hints) for name, row in data.items()})
    except TypeError as error:  # a field is missing
        raise Mismatch from error


def _any(data: Any, depth: int) -> Any:
    _require(depth > 0)
    for row in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        _any(row, depth - 1)
    return data


def _require(condition: bool) -> None:
    if not condition:
        raise Mismatch
