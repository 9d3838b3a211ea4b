"""Ctrl+C and an error of the kit end a tool with one line."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from asgi_liveness.errors import UsageError
from tools.tool import run_tool


def interrupted() -> int:
    os.kill(os.getpid(), signal.SIGTERM)
    return 0


def refused() -> int:
    raise UsageError("there is no Redis")


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("main", "exit_code", "line"),
    [
        (lambda: 3, "3", ""),
        (interrupted, "interrupted; all that was started is ended", ""),
        (refused, "2", "there is no Redis\n"),
    ],
)
def test_a_tool_ends_with_one_line(
    main: Callable[[], int], exit_code: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run_tool(main)
    assert (str(ended.value), capsys.readouterr().err) == (exit_code, line)
