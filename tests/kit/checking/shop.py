"""An app for the tests of a check, and functions that check it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.checking.options import Options
from asgi_liveness.checking.report import Report
from asgi_liveness.checking.run import run
from asgi_liveness.errors import LivenessError

DURATION = 0.5  # seconds of a window
MAX_STALL = 0.15
"""Seconds. Long compared to the pauses of a busy machine, and short compared to a window: the time
that a thread waits for a processor is no stall, and with twice this limit, five windows at once on
two cores were too short."""
APP = '''\
import asyncio, os, sys, time

POISONED = False
DOCUMENT = b"""{"paths": {"/fine": {"get": {}}, "/once": {"post": {}}, "/users/{id}": {"get": {}},
"/loops": {"get": {}}}}"""
STATUS = {"/missing": 404, "/moved": 307, "/picky": 422, "/denied": 401, "/breaks": 500}

def spin():
    while True:
        pass

async def app(scope, receive, send):
    global POISONED
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        open("shut down", "a").write("x")
        await send({"type": "lifespan.shutdown.complete"})
        return
    path, body = scope["path"], b""
    headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
    while path == "/loops":
        time.sleep(0.01)
    if path == "/spins":
        spin()
    if path == "/waits":
        await asyncio.sleep(60)
    if path == "/poisons":
        POISONED = True
    if POISONED and path == "/healthz":
        time.sleep(0.6)
    if path == "/exits":
        print("out of", headers["x-token"], file=sys.stderr, flush=True)
        os._exit(3)
    if path == "/import":
        message = await receive()
        open("imported", "ab").write(message["body"] + headers["content-type"].encode())
    if path == "/openapi.json":
        body = DOCUMENT
    moved = [(b"location", b"/fine/")] if path == "/moved" else []
    status = STATUS.get(path, 200)
    await send({"type": "http.response.start", "status": status, "headers": moved})
    await send({"type": "http.response.body", "body": body})

async def hangs(scope, receive, send):
    assert scope["type"] == "http"
    await asyncio.sleep(0.2 if scope["path"] == "/healthz" else 60)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
'''


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, temporary: Path) -> Path:
    """Run in a folder with the app; the check must leave no temporary file."""
    assert temporary.is_dir()
    (tmp_path / "shop.py").write_text(APP)
    return tmp_path


def options(*during: str, **changes: Any) -> Options:
    """Options of a short check of the shop."""
    fields: dict[str, Any] = {
        "target": "shop:app",
        "during": during,
        "loop": "asyncio",
        "duration": DURATION,
        "max_stall": MAX_STALL,
    }
    if "command" in changes:
        fields["target"] = ""
    return Options(**{**fields, **changes})


def checked(*during: str, **changes: Any) -> Report:
    """Check the shop."""
    return run(options(*during, **changes))


def refused(*during: str, **changes: Any) -> str:
    """Check the shop, which must fail, and return the error."""
    with pytest.raises(LivenessError) as raised:
        checked(*during, **changes)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def line_of(text: str) -> int:
    """Return the number of the app's only line with this text."""
    (number,) = [n for n, line in enumerate(APP.splitlines(), 1) if line.strip() == text]
    return number
