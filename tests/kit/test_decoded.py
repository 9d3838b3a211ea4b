"""JSON becomes the dataclass that it was written from, or is refused."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import pytest

from asgi_liveness.decoded import Mismatch, decode


class Colour(StrEnum):
    RED = "red"


class Place(NamedTuple):
    file: str
    line: int


@dataclass(frozen=True)
class Row:
    name: str
    count: int
    seconds: float | None
    colour: Colour
    place: Place | None = None
    notes: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    sure: bool = True
    table: dict[str, float] = field(default_factory=dict)
    any: Any = None


NAMES = {"Row": Row, "Place": Place, "Colour": Colour}
GOOD: dict[str, Any] = {"name": "a", "count": 1, "seconds": 2, "colour": "red"}


def test_what_was_written_comes_back() -> None:
    row = Row("a", 1, 2.0, Colour.RED, Place("b", 3), ("c",), (), False, {"d": 1.0}, [1, {}])
    data = asdict(row) | {"place": {"file": "b", "line": 3}, "notes": ["c"], "rows": []}
    assert decode(Row, data, NAMES) == row
    assert decode(Row, GOOD, NAMES) == Row("a", 1, 2.0, Colour.RED)


@pytest.mark.parametrize(
    "change",
    [
        {"name": None},
        {"name": 1},
        {"count": "1"},
        {"count": 1.0},
        {"count": True},
        {"count": 10**30},
        {"seconds": float("inf")},
        {"seconds": float("nan")},
        {"seconds": 1e300},
        {"seconds": True},
        {"colour": "blue"},
        {"colour": []},
        {"colour": {}},
        {"place": {"file": "a"}},
        {"place": ["a", 1]},
        {"place": {"file": "a", "line": 1, "more": 1}},
        {"notes": "abc"},
        {"notes": {"a": 1}},
        {"notes": [None]},
        {"rows": [{}]},
        {"sure": 1},
        {"sure": None},
        {"table": []},
        {"table": {"a": "b"}},
        {"any": eval("[" * 30 + "]" * 30)},  # noqa: S307 (a literal)
        {"more": 1},
    ],
)
def test_a_value_of_another_type_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Mismatch):
        decode(Row, GOOD | change, NAMES)


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_value_is_refused(name: str) -> None:
    with pytest.raises(Mismatch):
        decode(Row, {key: value for key, value in GOOD.items() if key != name}, NAMES)


@pytest.mark.parametrize("data", [None, [], 1, "a", True])
def test_anything_but_a_table_is_refused(data: object) -> None:
    with pytest.raises(Mismatch):
        decode(Row, data, NAMES)
