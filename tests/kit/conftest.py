"""A tiny app in a folder of its own, and a clock for ``Pace``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from asgi_liveness import pacing
from tests.kit.stage import Clock

# It answers any method, so CONT-006 fails; /background cannot be stopped, /cooperative can.
APP = """\
import asyncio
from asgi_liveness import LoopBody

def make(status=200, paths=("/hello", "/hello-sync", "/background", "/cooperative")):
    async def run(body, cooperative):
        while not cooperative or body.running:
            body.step()
            await asyncio.sleep(0)

    async def app(scope, receive, send):
        path = scope["path"]
        if scope["type"] == "lifespan":
            raise RuntimeError("no lifespan here")
        if path == "/background":
            tasks.append(asyncio.create_task(run(LoopBody(path), False)))
        if path == "/cooperative":
            await run(LoopBody(path), True)
        answer = status if path in paths else 404
        await send({"type": "http.response.start", "status": answer, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    return app

tasks = []
app = make()
other = make()
unavailable = make(status=503)
without_sync = make(paths=("/hello",))
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run in a folder of its own that holds the app; servers leave nothing."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "tiny.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield temporary
    assert list(temporary.iterdir()) == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that ``Pace`` reads while the test runs."""
    clock = Clock()
    monkeypatch.setattr(pacing, "perf_counter", clock)
    return clock
