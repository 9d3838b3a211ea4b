"""How the tests run a command: as its user does, and nothing of it may be left."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.waiting import until

LIMIT = 60.0  # seconds that a command gets
LEFT_LIMIT = 2.0  # seconds after which nothing of it may be there
MARK = "ASGI_LIVENESS_TEST"

Command = Callable[..., subprocess.CompletedProcess[str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a few tests do all of what they do a part of in every run."""
    parser.addoption(
        "--thorough",
        action="store_true",
        help="the whole corpus, five times, and every column on every server",
    )


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run ``python ARGUMENTS`` in *cwd*; its processes and temporary files must be gone then."""

    def run(
        *arguments: str, cwd: Path = tmp_path, prefix: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        temporary = tmp_path / f"temporary-{uuid.uuid4()}"
        temporary.mkdir()
        mark = str(uuid.uuid4())
        done = subprocess.run(
            [*prefix, sys.executable, *arguments],
            cwd=cwd,
            env={**os.environ, "TMPDIR": str(temporary), MARK: mark, "PYTHONWARNINGS": "error"},
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        with contextlib.suppress(AssertionError):  # the next line names what is left
            until(lambda: not _marked(mark), LEFT_LIMIT)
        assert not _marked(mark)
        assert not list(temporary.iterdir())
        return done

    return run


def _marked(mark: str) -> list[str]:
    """The living processes that were started with *mark* in their environment (Linux)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:  # gone, or somebody else's
            continue
    return found
