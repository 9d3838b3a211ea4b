"""A server that gets a signal: all its processes must exit, and the result names those left."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from asgi_liveness.conformance import shutdown as shutdown_module
from asgi_liveness.conformance.endings import Shutdown, ShutdownTimes
from asgi_liveness.conformance.places import Places
from asgi_liveness.conformance.shutdown import watch_shutdown
from asgi_liveness.errors import TargetError
from asgi_liveness.serving import ending
from asgi_liveness.serving.servers import SERVERS, ServerKind

APP = """\
import asyncio, os, signal, subprocess, sys
from asgi_liveness import LoopBody

async def respond(send):
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
        await respond(send)

async def staying(scope, receive, send):
    await app(scope, receive, send, stay=True)

async def parent(scope, receive, send):
    if scope["type"] == "lifespan":
        child = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        child += "print(flush=True); time.sleep(3600)"
        command = [sys.executable, "-c", child]
        subprocess.Popen(command, stdout=subprocess.PIPE).stdout.readline()
    await app(scope, receive, send)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run each test in a folder of its own with the app; servers leave no file."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "stoppable.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield
    assert list(temporary.iterdir()) == []


def shut_down(target: str, shutdown: Shutdown, kind: ServerKind = SERVERS[0]) -> ShutdownTimes:
    return asyncio.run(watch_shutdown(kind, target, shutdown, (), Places()))


@pytest.mark.servers
@pytest.mark.parametrize("kind", [SERVERS[0], SERVERS[-1]], ids=lambda kind: kind.name)
def test_a_server_that_exits_by_both_signals_leaves_nothing(kind: ServerKind) -> None:
    times = shut_down("stoppable:app", Shutdown(), kind)
    assert list(times.seconds) == ["SIGTERM", "SIGINT"]
    assert all(seconds is not None for seconds in times.seconds.values())
    assert times.left == {"SIGTERM": "", "SIGINT": ""}


@pytest.mark.servers
def test_a_server_that_stays_is_described_with_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutdown_module, "EXIT_LIMIT", 1.0)
    monkeypatch.setattr(shutdown_module, "SIGNALS", ("SIGTERM",))
    assert shut_down("stoppable:staying", Shutdown()) == ShutdownTimes(
        {"SIGTERM": None}, {"SIGTERM": "1 of its processes still ran; the end of its log: I stay"}
    )


@pytest.mark.servers
def test_a_child_that_outlives_its_server_counts_as_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutdown_module, "EXIT_LIMIT", 1.0)
    monkeypatch.setattr(shutdown_module, "SIGNALS", ("SIGINT",))
    times = shut_down("stoppable:parent", Shutdown())
    assert times.seconds == {"SIGINT": None}
    assert times.left["SIGINT"].startswith("1 of its processes still ran; ")


@pytest.mark.servers
def test_the_recommended_settings_end_an_endless_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutdown_module, "SIGNALS", ("SIGTERM",))
    kind = replace(SERVERS[0], recommended=("--timeout-graceful-shutdown", "1"))
    times = shut_down("stoppable:app", Shutdown("cooperative"), kind)
    assert times.seconds["SIGTERM"] is not None
    monkeypatch.setattr(shutdown_module, "EXIT_LIMIT", 1.0)
    assert (
        shut_down("stoppable:app", Shutdown("cooperative", recommended=False)).seconds["SIGTERM"]
        is None
    )


@pytest.mark.servers
def test_a_loop_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutdown_module, "START_LIMIT", 0.2)
    with pytest.raises(TargetError) as raised:
        shut_down("stoppable:app", Shutdown("process"))
    assert str(raised.value) == (
        "stoppable:app: POST /process started no loop within 0 s on uvicorn/asyncio; "
        "does its handler step a LoopBody('/process')?"
    )


@pytest.mark.servers
def test_a_target_that_does_not_start_is_an_error() -> None:
    with pytest.raises(TargetError, match="no attribute 'gone'"):
        shut_down("stoppable:gone", Shutdown())


def test_a_system_without_proc_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "sees_members", lambda: False)
    with pytest.raises(
        TargetError, match=r"^any:app: no /proc here to list the server's processes"
    ):
        shut_down("any:app", Shutdown())


def test_starts_leave_cores_and_exits_wait_together(monkeypatch: pytest.MonkeyPatch) -> None:
    starting, running = Peak(), Peak()

    class Stage:
        """A server that only counts; it exits when all of them wait for their exit."""

        url = "http://127.0.0.1:1"

        def __init__(self, *_: object, **__: object) -> None:
            self.ledger = self
            self.runs = False

        def start(self) -> None:
            self.runs = True
            running.enter()

        async def ready(self) -> None:
            starting.enter()
            await asyncio.sleep(0.01)
            starting.leave()

        def be_gentle(self) -> None:
            pass

        def end(self) -> None:
            if self.runs:
                self.runs = False
                running.leave()

    async def exits(*_: object) -> float:
        await asyncio.sleep(0.05)
        return 0.5

    monkeypatch.setattr(shutdown_module, "Server", Stage)
    monkeypatch.setattr(shutdown_module, "_end", exits)

    async def act() -> None:
        places = Places()
        places.to_start, places.to_run = asyncio.Semaphore(2), asyncio.Semaphore(5)
        watching = (
            watch_shutdown(SERVERS[0], f"any{number}:app", Shutdown(), (), places)
            for number in range(6)
        )
        await asyncio.gather(*watching)

    asyncio.run(act())
    assert (starting.most, running.most) == (2, 5)


class Peak:
    """The number of those that are inside, and the most that it was."""

    def __init__(self) -> None:
        self.number = self.most = 0

    def enter(self) -> None:
        self.number += 1
        self.most = max(self.most, self.number)

    def leave(self) -> None:
        self.number -= 1
