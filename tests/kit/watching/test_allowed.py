"""The functions that may block the event loop in tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from asgi_liveness.errors import UsageError
from asgi_liveness.serving.records import Frame
from asgi_liveness.watching.allowed import Allowed, parse

FOLDER = Path("/srv/project")
ENTRY = Allowed("app/legacy.py", "report", "no async driver yet")


def test_entries_are_read_with_their_reasons() -> None:
    lines = ["", "app/legacy.py:report  no async driver yet ", "lib/slow.py:<lambda> slow: why"]
    assert parse(lines, "allow") == [ENTRY, Allowed("lib/slow.py", "<lambda>", "slow: why")]
    assert str(ENTRY) == "app/legacy.py:report"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("app/legacy.py:report", "has no reason: write why"),
        ("app/legacy.py no async driver", "write FILE:FUNCTION and why"),
        ("app/legacy.py:12: too slow", "write FILE:FUNCTION and why"),
        ("app/legacy.py: report", "write FILE:FUNCTION and why"),
        (":report why", "write FILE:FUNCTION and why"),
        ("\x1b[2Ja b", "write FILE:FUNCTION and why"),
    ],
)
def test_a_bad_entry_is_one_line(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        parse([line], "liveness_allow")
    assert str(raised.value).startswith("liveness_allow: ")
    assert str(raised.value).endswith(
        ", as in app/legacy.py:report the driver has no async API yet"
    )
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("file", "function", "matches"),
    [
        ("/srv/project/app/legacy.py", "report", True),
        ("/srv/project/app/legacy.py", "other", False),
        ("/srv/project/old/app/legacy.py", "report", False),
        ("/v/lib/python3.12/site-packages/app/legacy.py", "report", True),
        ("/v/lib/python3.12/site-packages/other/app/legacy.py", "report", False),
    ],
)
def test_an_entry_matches_one_function_of_one_file(
    file: str, function: str, *, matches: bool
) -> None:
    assert ENTRY.matches(Frame(file, 7, function), FOLDER) is matches
