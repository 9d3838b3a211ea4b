"""A check of a server that runs already names its line, and stays quiet about a live one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.watching.servers import line_of, running
from tests.waiting import until

if TYPE_CHECKING:
    from tests.conftest import Command

pytestmark = pytest.mark.servers
UVICORN = ("uvicorn", "frozen_app:app", "--port", "{port}", "--no-access-log")


def checked(command: Command, port: int, path: str) -> tuple[int, dict[str, Any]]:
    """The exit code of a check, and the row of its request in the report."""
    done = command(
        *("-m", "asgi_liveness", "check", f"http://127.0.0.1:{port}", "--probe", "/"),
        *("--during", path, "--duration", "4s", "--report", "json=-"),
    )
    (row,) = [row for row in json.loads(done.stdout)["routes"] if row["during"]]
    return done.returncode, row


def test_a_frozen_server_has_its_line(command: Command, tmp_path: Path) -> None:
    with running(tmp_path, *UVICORN) as server:
        code, row = checked(command, server.port, "/freeze")
    assert (code, row["verdict"]) == (1, "stalled")
    assert row["probes"]["answered"] < row["probes"]["due"]
    assert row["culprit"]["function"] == "freeze"
    assert row["culprit"]["line"] in (line_of("freeze") + 1, line_of("freeze") + 2)


def test_a_stall_that_ends_is_found_though_probes_are_answered(
    command: Command, tmp_path: Path
) -> None:
    with running(tmp_path, *UVICORN) as server:
        code, row = checked(command, server.port, "/sleep_a_while")
    assert (code, row["verdict"]) == (1, "stalled")
    assert row["probes"]["answered"] > 0
    assert row["culprit"]["function"] == "sleep_a_while"


def test_a_frozen_worker_is_found_though_another_answers(command: Command, tmp_path: Path) -> None:
    with running(tmp_path, *UVICORN, "--workers", "2") as server:
        until(lambda: len(server.all_serving()) > 1)
        code, row = checked(command, server.port, "/freeze")
    assert (code, row["verdict"]) == (1, "stalled")
    assert row["culprit"]["function"] == "freeze"


def test_a_loop_that_yields_is_no_finding(command: Command, tmp_path: Path) -> None:
    with running(tmp_path, *UVICORN) as server:
        _, row = checked(command, server.port, "/cooperate")
    assert row["verdict"] != "stalled"
    assert row["culprit"] is None
    assert row["probes"]["answered"] > 0
