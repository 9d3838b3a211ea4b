"""Times as people write them."""

from __future__ import annotations

import pytest

from asgi_liveness.checking.duration import FORMS, parse_duration, written
from asgi_liveness.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4s", 4.0),
        ("200ms", 0.2),
        ("5ms", 0.005),
        ("1.5", 1.5),
        (".5s", 0.5),
        ("2m", 120.0),
        ("2 m", 120.0),
        ("1h", 3600.0),
        ("0.5h", 1800.0),
        ("0", 0.0),
        (" 4s ", 4.0),
    ],
)
def test_a_duration_is_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text, "--duration") == seconds


@pytest.mark.parametrize(
    "text",
    ["", "s", "-4s", "+4", "4x", "4 s s", "1,5", "nan", "inf", "1e3", "4S", "٤s"],
)
def test_a_bad_duration_is_an_error_of_one_line(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_duration(text, "--max-stall")
    assert str(raised.value) == f"--max-stall {text!r}: write a time as {FORMS}"


def test_the_forms_that_an_error_names_are_read() -> None:
    forms = FORMS.replace(" or ", ", ").split(", ")
    assert [parse_duration(form, "it") for form in forms] == [2.5, 2.5, 4.0, 60.0, 3600.0]


def test_the_error_on_a_long_text_is_short() -> None:
    with pytest.raises(UsageError) as raised:
        parse_duration("4" * 5000 + "x", "--duration")
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    "seconds", [0.005, 0.0075, 0.2, 0.9999, 1.0, 1.5, 4.0, 120.0, 3600.0, 5400.0, 0.0]
)
def test_a_written_duration_is_read_as_the_same(seconds: float) -> None:
    assert parse_duration(written(seconds), "it") == seconds
