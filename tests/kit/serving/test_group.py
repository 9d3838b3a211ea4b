"""A group ends with all its processes and files, also after its keeper was stopped or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from asgi_liveness.errors import LedgerError
from asgi_liveness.serving import group as group_module
from asgi_liveness.serving.group import Group

pytestmark = [pytest.mark.servers, pytest.mark.python]

SPIN = [sys.executable, "-c", "while True: pass"]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_group_ends_with_its_members_and_its_folder(temporary: Path) -> None:
    group = Group()
    group.start(SPIN, os.environ)
    (group.folder / "file").write_text("")
    assert group.folder.parent == temporary
    assert group.members() == [group.server]
    group.end()
    assert group.exit_code() == -signal.SIGKILL
    assert not list(temporary.iterdir())
    group.end()


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_group_ends_although_its_keeper_was_stopped(
    number: signal.Signals, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_module, "END_LIMIT", 1.0)
    group = Group()
    group.start(SPIN, os.environ)
    os.kill(group.id, number)
    group.end()
    assert group.exit_code() == -signal.SIGKILL
    assert group.members() == []
    assert not list(temporary.iterdir())


def test_a_group_without_a_writable_folder_is_an_error(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "gone"))
    with pytest.raises(LedgerError) as raised:
        Group()
    assert str(raised.value) == (
        f"the ledger cannot be written: no folder can be made in {temporary}/gone "
        f"(No such file or directory); set TMPDIR to a writable folder"
    )


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
def test_the_members_are_the_living_processes_without_the_keeper() -> None:
    group, other = Group(), Group()
    members = [subprocess.Popen(SPIN, process_group=group.id) for _ in range(2)]
    stranger = subprocess.Popen(SPIN, process_group=other.id)
    try:
        assert sorted(group.members()) == sorted(member.pid for member in members)
        members[0].kill()
        members[0].wait()
        assert group.members() == [members[1].pid]
    finally:
        for ending, member in ((group, members[1]), (other, stranger)):
            ending.end()
            member.wait()
    assert group.members() == []
