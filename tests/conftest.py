"""How the tests run a command, and which of them may start a server.

The rule: a test that starts a server, or a command that does, has the marker ``servers``. By it
``nox -s fast`` leaves such tests out, so a test that starts one without it fails.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Generator
from pathlib import Path
from typing import NoReturn

import pytest

from asgi_liveness.serving.group import Group
from tests.waiting import until

LIMIT = 180.0  # seconds that a command gets; it judges nothing, and the machine may be busy
LEFT_LIMIT = 2.0  # seconds after which nothing of it may be there
MARK = "ASGI_LIVENESS_TEST"
# A shell lets what it starts in the background ignore these, and so would all that tests start.
for number in (signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
# Commands that the tests run write nothing on the page of the job that runs the tests.
os.environ.pop("GITHUB_STEP_SUMMARY", None)
ENVIRONMENT = {
    "PYTHONWARNINGS": "error",
    # pytest-asyncio warns where it is not set.
    "PYTEST_ADDOPTS": "-o asyncio_default_fixture_loop_scope=function",
}
UNMARKED = "this test starts a server: mark it with @pytest.mark.servers"

Command = Callable[..., subprocess.CompletedProcess[str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a few tests do all of what they do a part of in every run."""
    parser.addoption(
        "--thorough",
        action="store_true",
        help="the whole corpus, five times, and every column on every server",
    )


def pytest_collection_finish() -> None:
    """Leave the thousands of collected items out of every later pass of the garbage collector."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let only a marked test start the group of a server, itself or in a fixture."""
    with pytest.MonkeyPatch.context() as patch:
        if not _may_serve(item):
            patch.setattr(Group, "__init__", _refuse)
        return (yield)


def _may_serve(item: pytest.Item) -> bool:
    return item.get_closest_marker("servers") is not None


def _refuse(*_: object) -> NoReturn:
    pytest.fail(UNMARKED, pytrace=False)


@pytest.fixture
def command(tmp_path: Path, request: pytest.FixtureRequest) -> Command:
    """Run ``python ARGUMENTS`` in *cwd*; its processes and temporary files must be gone then."""

    def run(
        *arguments: str, cwd: Path = tmp_path, prefix: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        temporary = tmp_path / f"temporary-{uuid.uuid4()}"
        temporary.mkdir()
        made = temporary.stat().st_mtime_ns
        mark = str(uuid.uuid4())
        done = subprocess.run(
            [*prefix, sys.executable, *arguments],
            cwd=cwd,
            env={**os.environ, **ENVIRONMENT, "TMPDIR": str(temporary), MARK: mark},
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        with contextlib.suppress(AssertionError):  # the next line names what is left
            until(lambda: not marked(mark), LEFT_LIMIT)
        assert not marked(mark)
        assert not list(temporary.iterdir())
        # A server's folder, or a file of a pytest's, was made and removed: that changed the time.
        if not _may_serve(request.node) and temporary.stat().st_mtime_ns != made:
            _refuse()
        return done

    return run


def marked(mark: str) -> dict[int, str]:
    """The living processes that were started with *mark* in their environment (Linux)."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes():
                found[int(process.name)] = (process / "cmdline").read_text()
        except OSError:  # gone, or somebody else's
            continue
    return found
