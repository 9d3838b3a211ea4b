"""A server's end by signals: all of its group must be gone, and what stays is told."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from asgi_liveness.conformance import shutdown as ending
from asgi_liveness.conformance.promises import Shutdown, ShutdownTimes
from asgi_liveness.conformance.shutdown import watch_ends
from asgi_liveness.errors import TargetError
from asgi_liveness.serving import keeper
from asgi_liveness.serving.servers import SERVERS, ServerKind

APP = """\
import asyncio, os, signal, subprocess, sys
from asgi_liveness import LoopBody

async def answer(send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})

async def app(scope, receive, send, stay=False):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if stay:
            print("I stay", file=sys.stderr, flush=True)
            await asyncio.sleep(3600)
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["path"] == "/cooperative":
        body = LoopBody("/cooperative")
        while body.running:
            body.step()
            await asyncio.sleep(0.01)
    else:
        await answer(send)

async def staying(scope, receive, send):
    await app(scope, receive, send, stay=True)

async def parent(scope, receive, send):
    if scope["type"] == "lifespan":
        deaf = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        deaf += "print(flush=True); time.sleep(3600)"
        command = [sys.executable, "-c", deaf]
        subprocess.Popen(command, stdout=subprocess.PIPE).stdout.readline()
    await app(scope, receive, send)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run in a folder of its own that holds the app; servers leave nothing."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "mortal.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield
    assert list(temporary.iterdir()) == []


def watched(target: str, shutdown: Shutdown, kind: ServerKind = SERVERS[0]) -> ShutdownTimes:
    return asyncio.run(watch_ends(kind, target, shutdown))


@pytest.mark.servers
@pytest.mark.parametrize("kind", [SERVERS[0], SERVERS[-1]], ids=lambda kind: kind.name)
def test_what_goes_by_both_signals_leaves_nothing(kind: ServerKind) -> None:
    ended = watched("mortal:app", Shutdown(), kind)
    assert list(ended.seconds) == ["SIGTERM", "SIGINT"]
    assert all(seconds is not None for seconds in ended.seconds.values())
    assert ended.left == {"SIGTERM": "", "SIGINT": ""}


@pytest.mark.servers
def test_what_stays_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "EXIT_LIMIT", 1.0)
    monkeypatch.setattr(ending, "SIGNALS", ("SIGTERM",))
    assert watched("mortal:staying", Shutdown()) == ShutdownTimes(
        {"SIGTERM": None}, {"SIGTERM": "1 of its processes were there; the last words were: I stay"}
    )


@pytest.mark.servers
def test_a_process_that_outlives_its_server_has_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "EXIT_LIMIT", 1.0)
    monkeypatch.setattr(ending, "SIGNALS", ("SIGINT",))
    ended = watched("mortal:parent", Shutdown())
    assert ended.seconds == {"SIGINT": None}
    assert ended.left["SIGINT"].startswith("1 of its processes were there; ")


@pytest.mark.servers
def test_the_recommended_settings_are_what_ends_an_endless_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ending, "SIGNALS", ("SIGTERM",))
    kind = replace(SERVERS[0], recommended=("--timeout-graceful-shutdown", "1"))
    ended = watched("mortal:app", Shutdown("cooperative"), kind)
    assert ended.seconds["SIGTERM"] is not None
    monkeypatch.setattr(ending, "EXIT_LIMIT", 1.0)
    assert (
        watched("mortal:app", Shutdown("cooperative", recommended=False)).seconds["SIGTERM"] is None
    )


@pytest.mark.servers
def test_a_loop_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "LIMIT", 0.2)
    with pytest.raises(TargetError) as raised:
        watched("mortal:app", Shutdown("process"))
    assert str(raised.value) == (
        "mortal:app: POST /process started no loop within 0 s on uvicorn/asyncio"
    )


@pytest.mark.servers
def test_a_target_that_does_not_come_up_is_an_error() -> None:
    with pytest.raises(TargetError, match="no attribute 'gone'"):
        watched("mortal:gone", Shutdown())


def test_what_cannot_be_seen_is_not_taken_for_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "sees_members", lambda: False)
    with pytest.raises(TargetError, match=r"^any:app: whether a server's processes are gone needs"):
        asyncio.run(watch_ends(SERVERS[0], "any:app", Shutdown()))
