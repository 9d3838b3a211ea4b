"""What a watched process writes: slots that are taken back, and files that stay short."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asgi_liveness.inside.injected import board_file, layout
from asgi_liveness.inside.injected.board_file import BoardFile


@pytest.fixture
def board(tmp_path: Path) -> BoardFile:
    (tmp_path / "board").write_bytes(bytes(layout.SIZE))
    return BoardFile(str(tmp_path / "board"))


def ended() -> int:
    """Return the id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def taken_by(board: BoardFile, *processes: int) -> list[int]:
    slots = [board.take() for _ in processes]
    for slot, process in zip(slots, processes, strict=True):
        board.words[slot + layout.PROCESS] = process
    return slots


def test_slots_are_given_in_turn_while_there_are_any(board: BoardFile) -> None:
    slots = taken_by(board, ended(), os.getpid())
    assert slots == [layout.HEADER, layout.HEADER + layout.SLOT]


def test_the_slot_of_an_ended_process_is_given_again_and_empty(board: BoardFile) -> None:
    slots = taken_by(board, *[os.getpid()] * layout.LOOPS)
    board.words[slots[7] + layout.PROCESS] = ended()
    board.words[slots[7] + layout.LATE] = 5
    board.words[slots[8] + layout.LATE] = 6
    assert board.take() == slots[7]
    assert list(board.words[slots[7] : slots[8]]) == [os.getpid(), *[0] * (layout.SLOT - 1)]
    assert board.words[slots[8] + layout.LATE] == 6
    assert board.words[layout.TAKEN] == layout.LOOPS


def test_a_board_of_living_processes_is_full(board: BoardFile) -> None:
    taken_by(board, *[os.getpid()] * layout.LOOPS)
    with pytest.raises(OSError, match="the board is full"):
        board.take()


def test_a_file_of_lines_is_private_and_has_a_limit(
    board: BoardFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_file, "_MOST", 10)
    for number in range(5):
        board.write(2, number=number)
    (path,) = tmp_path.glob("samples.*")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == '{"number": 0}\n'
