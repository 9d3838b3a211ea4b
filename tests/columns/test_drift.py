"""When a fix is taken out of a column, exactly the cases about it fail."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from asgi_liveness.conformance import known
from tools.comparison import FRAMEWORKS, ROOT, known_differences

if TYPE_CHECKING:
    from tests.conftest import Command

pytestmark = pytest.mark.servers
SERVER = "uvicorn/asyncio"


def starts_first(target: str) -> bool:
    """Whether the target's background task runs before its response is sent (LIVE-011)."""
    rows = [row for file in known_differences() for row in known.load(file, FRAMEWORKS.values())]
    return any(row.covers("LIVE-011", target, SERVER) for row in rows)


def failures(framework: str, old: str, new: str, command: Command, tmp_path: Path) -> set[str]:
    for name in FRAMEWORKS:
        shutil.copytree(ROOT / f"{name}_impl", tmp_path / f"{name}_impl")
    app = tmp_path / f"{framework}_impl" / "app.py"
    source = app.read_text()
    assert source.count(old) == 1
    app.write_text(source.replace(old, new))
    done = command(
        *("-m", "asgi_liveness", "run", FRAMEWORKS[framework], "--server", SERVER),
        *(argument for file in known_differences() for argument in ("--known", str(file))),
        *("--report", "json=out.json"),
    )
    assert done.returncode == 1, done.stderr
    cells = json.loads((tmp_path / "out.json").read_text())["cells"]
    return {cell["case"] for cell in cells if cell["verdict"] == "failed"}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_cooperative_loop_without_its_await_fails(
    framework: str, command: Command, tmp_path: Path
) -> None:
    failed = failures(framework, "        await asyncio.sleep(0)\n", "", command, tmp_path)
    assert failed == {"LIVE-006", "LIVE-009"}


def test_sleep_that_is_not_awaited_does_not_yield(command: Command, tmp_path: Path) -> None:
    failed = failures("starlette", "await asyncio.sleep(0)", "asyncio.sleep(0)", command, tmp_path)
    assert failed == {"LIVE-006", "LIVE-009"}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_background_loop_in_an_async_def_fails(
    framework: str, command: Command, tmp_path: Path
) -> None:
    old = "\ndef background_loop()"
    failed = failures(framework, old, f"\nasync {old[1:]}", command, tmp_path)
    blocked_too = {"LIVE-004"} if starts_first(FRAMEWORKS[framework]) else set()
    assert failed == {"LIVE-005", "LIVE-009", "LIVE-010"} | blocked_too
