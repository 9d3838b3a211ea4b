"""A fix taken out of a column is seen, by just the cases that are about it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.comparison import FRAMEWORKS, ROOT

if TYPE_CHECKING:
    from tests.conftest import Command

pytestmark = pytest.mark.servers

# Quart starts a task before its answer leaves, as far as Python lets it (LIVE-011).
STARTS_FIRST = {"quart"} if sys.version_info < (3, 12) else set()


def failures(framework: str, old: str, new: str, command: Command, tmp_path: Path) -> set[str]:
    for name in FRAMEWORKS:
        shutil.copytree(ROOT / f"{name}_impl", tmp_path / f"{name}_impl")
    app = tmp_path / f"{framework}_impl" / "app.py"
    source = app.read_text()
    assert source.count(old) == 1
    app.write_text(source.replace(old, new))
    done = command(
        *("-m", "asgi_liveness", "run", f"{framework}_impl.app:app", "--server", "uvicorn/asyncio"),
        *("--known", str(ROOT / "known_differences.toml"), "--report", "json=out.json"),
    )
    assert done.returncode == 1, done.stderr
    cells = json.loads((tmp_path / "out.json").read_text())["cells"]
    return {cell["case"] for cell in cells if cell["verdict"] == "failed"}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_cooperative_loop_without_its_await(
    framework: str, command: Command, tmp_path: Path
) -> None:
    failed = failures(framework, "        await asyncio.sleep(0)\n", "", command, tmp_path)
    assert failed == {"LIVE-006", "LIVE-009"}


def test_a_sleep_that_is_not_awaited_is_no_turn(command: Command, tmp_path: Path) -> None:
    failed = failures("starlette", "await asyncio.sleep(0)", "asyncio.sleep(0)", command, tmp_path)
    assert failed == {"LIVE-006", "LIVE-009"}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_background_loop_that_is_an_async_def(
    framework: str, command: Command, tmp_path: Path
) -> None:
    old = "\ndef background_loop()"
    failed = failures(framework, old, f"\nasync {old[1:]}", command, tmp_path)
    frozen_too = {"LIVE-004"} if framework in STARTS_FIRST else set()
    assert failed == {"LIVE-005", "LIVE-009", "LIVE-010"} | frozen_too
