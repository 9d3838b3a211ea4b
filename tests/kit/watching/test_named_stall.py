"""A stall as people read it: its line, its request, or why there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.stalls import Stall
from asgi_liveness.watching.named_stall import NamedStall, named
from tests.kit.checking.windows import RANDINT, REPORT, samples
from tests.kit.watching.made import line, stall


def told(found: Stall, **how: Any) -> NamedStall:
    return named(found, "", at=5.0, **how)


def test_a_stall_with_a_line_names_it_and_its_request() -> None:
    taken = samples(REPORT, request="GET /report/{id}")
    found = told(stall(samples=taken))
    assert found.culprit
    assert (found.culprit.file, found.culprit.line, found.culprit.looks) == (*REPORT[:2], 4)
    assert (found.request, found.at, found.seconds) == ("GET /report/{id}", 5.0, 1.0)
    assert (found.because, found.is_finding) == ("", True)
    assert found.advice.endswith("More: asgi-liveness explain stalled")


@pytest.mark.parametrize(
    ("changes", "how", "because", "is_finding"),
    [
        ({"too_short": True}, {}, "too short to see", False),
        ({}, {}, "no code of the app was on its stack", False),
        (
            {"waited": True, "too_short": True},
            {},
            "the machine was busy: the loop waited for a processor",
            False,
        ),
        ({"ran": 0.1, "others": 0.9}, {}, "threads that compute shared the GIL with it", False),
        ({"goes_on": True, "too_short": True}, {}, "no line seen yet", False),
        ({"collected": 0.8}, {}, "a full pass of the garbage collector", True),
        (
            {"samples": samples(gil_held=True, outside=True)},
            {"refused": "the system denies ptrace"},
            "C code held the GIL; the system denies ptrace",
            True,
        ),
    ],
)
def test_a_stall_without_a_line_says_why(
    changes: dict[str, Any], how: dict[str, Any], because: str, is_finding: bool
) -> None:
    found = told(stall(line=None, **changes), **how)
    assert (found.culprit, found.because, found.is_finding) == (None, because, is_finding)


def test_a_line_in_c_code_that_holds_the_gil_says_so() -> None:
    found = told(stall(samples=samples(REPORT, gil_held=True, outside=True)))
    assert found.because == "C code that holds the GIL"
    assert "process" in found.advice


def test_the_lines_of_one_loop_are_one_group(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text(
        "async def report():\n    a = 1\n    for row in rows:\n        a += row\n        b = a\n"
        "    c = 2\n"
    )
    groups = {
        number: told(stall(line=line(Frame(str(file), number, "report")))).group
        for number in (2, 3, 4, 5, 6)
    }
    assert groups[3] == groups[4] == groups[5] == (str(file), "report", 3)
    assert len({groups[2], groups[3], groups[6]}) == 3


def test_a_request_without_a_route_takes_the_path_of_the_decorator(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text("app = Quart()\n\n@app.get('/report')\nasync def report():\n    work()\n")
    frame = Frame(str(file), 5, "report")
    taken = samples(frame, request="HEAD")
    assert told(stall(samples=taken, line=line(RANDINT, frame))).request == "HEAD /report"
