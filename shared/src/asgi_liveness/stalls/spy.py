"""py-spy, asked from outside where a process cannot look at itself: C code holds its GIL."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from asgi_liveness.serving.board import Frame

_LIMIT: Final = 1.0
"""Seconds that a dump may take, and with it the end of a window; it takes 0.013 to 0.05 on an idle
machine."""


@dataclass(frozen=True)
class SpiedThread:
    """A thread, as py-spy saw it."""

    thread: int
    """Its native id."""
    holds_gil: bool
    stack: tuple[Frame, ...]


@dataclass(frozen=True)
class Refused:
    """py-spy could not look."""

    reason: str


async def dump(process: int) -> list[SpiedThread] | Refused:
    """Return where the threads of *process* stand."""
    return await asyncio.to_thread(_dump, process)


def _dump(process: int) -> list[SpiedThread] | Refused:
    program = Path(sys.executable).with_name("py-spy")
    found = str(program) if program.exists() else shutil.which("py-spy")
    if found is None:
        return Refused("py-spy is not installed beside this Python")
    command = [found, "dump", "--json", "--pid", str(process)]
    try:
        asked = subprocess.run(command, capture_output=True, timeout=_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return Refused(f"py-spy gave no answer within {_LIMIT:g} s")
    except OSError as error:
        return Refused(f"py-spy cannot be started: {error.strerror}")
    if asked.returncode:
        return Refused(_reason(asked.stderr.decode(errors="replace")))
    try:
        return [_seen(thread) for thread in json.loads(asked.stdout)]
    except (ValueError, KeyError, TypeError):
        return Refused("py-spy says what is not understood here: pip install --upgrade py-spy")


def _seen(thread: dict[str, Any]) -> SpiedThread:
    return SpiedThread(
        thread=thread["os_thread_id"] or thread["thread_id"],
        holds_gil=thread["owns_gil"],
        stack=tuple(
            # Some Pythons tell it a function's class as well; inside a process one sees none.
            Frame(frame["filename"], frame["line"], frame["name"].rpartition(".")[2])
            for frame in thread["frames"]
        ),
    )


def _reason(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    if any("ermission" in line for line in lines):
        return "the system does not let it (ptrace): run as root, or with the capability SYS_PTRACE"
    return f"py-spy says: {lines[0].removeprefix('Error: ')}" if lines else "py-spy gave no reason"
