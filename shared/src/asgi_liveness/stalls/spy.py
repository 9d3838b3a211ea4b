"""py-spy, which samples a process from outside: where C code holds the GIL, its watcher cannot."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from asgi_liveness.serving.records import Frame

_LIMIT: Final = 1.0
"""Seconds that a dump may take, which delays the end of a window by as much. On an idle machine it
takes 0.013 to 0.05 s."""


@dataclass(frozen=True)
class SpiedThread:
    """One thread in a dump of py-spy."""

    thread: int
    """Its native id."""
    holds_gil: bool
    stack: tuple[Frame, ...]


@dataclass(frozen=True)
class Refused:
    """A dump that failed."""

    reason: str
    """Why, and what to do about it, in one line."""


async def dump(process: int) -> list[SpiedThread] | Refused:
    """Return the stacks of all threads of *process*."""
    return await asyncio.to_thread(_dump, process)


def _dump(process: int) -> list[SpiedThread] | Refused:
    program = Path(sys.executable).with_name("py-spy")
    found = str(program) if program.exists() else shutil.which("py-spy")
    if found is None:
        return Refused("py-spy is not installed with this Python: pip install py-spy")
    command = [found, "dump", "--json", "--pid", str(process)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return Refused(f"py-spy did not end within {_LIMIT:g} s")
    except OSError as error:
        return Refused(f"py-spy cannot be started: {error.strerror}")
    if done.returncode:
        return Refused(_reason(done.stderr.decode(errors="replace")))
    try:
        return [_spied(thread) for thread in json.loads(done.stdout)]
    except (ValueError, KeyError, TypeError):
        return Refused("py-spy prints an unknown format: pip install --upgrade py-spy")


def _spied(thread: dict[str, Any]) -> SpiedThread:
    return SpiedThread(
        thread=thread["os_thread_id"] or thread["thread_id"],
        holds_gil=thread["owns_gil"],
        stack=tuple(
            # From some Pythons py-spy reads "Class.function"; samples from inside have no class.
            Frame(frame["filename"], frame["line"], frame["name"].rpartition(".")[2])
            for frame in thread["frames"]
        ),
    )


def _reason(printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    if any("ermission" in line for line in lines):
        return "the system denies ptrace to py-spy: run as root or with the capability SYS_PTRACE"
    return f"py-spy: {lines[0].removeprefix('Error: ')}" if lines else "py-spy printed no reason"
