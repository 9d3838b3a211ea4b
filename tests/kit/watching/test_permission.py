"""Where the system refuses, the error has the whole command that it would not refuse."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from asgi_liveness.watching import permission
from asgi_liveness.watching.permission import permitted

WORDS = ["attach", ":8000"]


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine of its own: no container, an ordinary user, the command in a folder."""
    program = tmp_path / "a folder" / "asgi-liveness"
    monkeypatch.setattr(sys, "argv", [str(program), *WORDS])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(permission, "_CONTAINERS", (tmp_path / ".dockerenv",))
    monkeypatch.setattr(permission, "_SCOPE", tmp_path / "ptrace_scope")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return tmp_path


def test_an_ordinary_user_gets_sudo_with_the_path_of_this_program(machine: Path) -> None:
    (machine / "ptrace_scope").write_text("1\n")
    assert permitted(WORDS) == f"type sudo '{machine}/a folder/asgi-liveness' attach :8000"


def test_a_module_is_started_again_as_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/lib/asgi_liveness/__main__.py", *WORDS])
    assert permitted(WORDS) == f"type sudo {sys.executable} -m asgi_liveness attach :8000"


def test_a_container_gets_a_command_for_its_host(machine: Path) -> None:
    (machine / ".dockerenv").touch()
    found = permitted(WORDS)
    host = socket.gethostname()
    assert f"docker exec --privileged --user root {host} '{machine}/a folder/asgi-live" in found
    assert "docker run --cap-add SYS_PTRACE" in found


def test_a_pod_gets_a_container_to_debug_it(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / ".dockerenv").touch()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert permitted(WORDS).startswith(
        f"kubectl debug -it {socket.gethostname()} --target=CONTAINER --profile=sysadmin --image="
    )


def test_root_without_the_capability_gets_no_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "needs the capability SYS_PTRACE" in permitted(WORDS)


def test_a_machine_that_lets_nobody_trace_says_so(machine: Path) -> None:
    (machine / "ptrace_scope").write_text("3\n")
    assert permitted(WORDS).startswith("kernel.yama.ptrace_scope is 3")
