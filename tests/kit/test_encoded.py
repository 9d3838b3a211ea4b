"""What is encoded can be decoded, and a list of numbers takes one line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from asgi_liveness.encoded import encoded


class Spot(NamedTuple):
    x: int
    words: str


@dataclass(frozen=True)
class Drawing:
    spots: tuple[Spot, ...]
    numbers: tuple[float | None, ...]
    by_name: dict[str, Spot]


def test_named_tuples_and_dataclasses_keep_the_names_of_their_fields() -> None:
    drawing = Drawing((Spot(1, "one"),), (1, None, -2.5), {"a": Spot(2, "")})
    text = encoded(drawing)
    assert json.loads(text) == {
        "spots": [{"x": 1, "words": "one"}],
        "numbers": [1, None, -2.5],
        "by_name": {"a": {"x": 2, "words": ""}},
    }
    assert ' "numbers": [1, null, -2.5],\n' in text


@given(
    st.recursive(
        st.none() | st.integers() | st.floats(allow_nan=False) | st.text('[]1, \n\\"null'),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("[1,\n]"), inner),
    )
)
def test_any_data_comes_back(data: object) -> None:
    assert json.loads(encoded(data)) == json.loads(json.dumps(data))
