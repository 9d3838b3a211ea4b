"""A loop body is endless by itself; with a ledger, it is counted and stopped from outside."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import gc
import subprocess
import sys
import threading
import time
from inspect import currentframe
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from asgi_liveness import LoopBody
from asgi_liveness.errors import LedgerError
from asgi_liveness.inside.ledger import PATH_VARIABLE, SLOTS, Ledger
from asgi_liveness.inside.loop_body import _REST, LoopFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 20  # seconds

STEP_AND_WATCH_FILES = """\
import sys
from asgi_liveness import LoopBody
touched = []
files = ("open", "mmap.__new__", "os.", "fcntl.")
sys.addaudithook(lambda event, _: touched.append(event) if event.startswith(files) else None)
body = LoopBody("/plain")
while body.running and body.steps < 100:
    body.step()
body.stop()
assert not body.running
print(touched, file=sys.stderr)
"""


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    with Ledger.create(tmp_path / "ledger") as ledger:
        monkeypatch.setenv(PATH_VARIABLE, str(ledger.path))
        yield ledger


@pytest.fixture
def no_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PATH_VARIABLE, raising=False)


def run(script: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=LIMIT)


@pytest.mark.usefixtures("no_ledger")
def test_a_loop_without_a_ledger_is_endless() -> None:
    body = LoopBody("/plain")
    while body.running and body.steps < 10_000:
        body.step()
    assert body.steps == 10_000
    assert body.running


@pytest.mark.usefixtures("no_ledger")
def test_a_loop_without_a_ledger_touches_no_file() -> None:
    assert run(STEP_AND_WATCH_FILES).stderr == "[]\n"


def test_an_import_of_the_package_imports_no_asyncio_and_no_client() -> None:
    script = "import asgi_liveness, sys; print(*{'asyncio', 'httpx'} & set(sys.modules))"
    assert run(script).stdout == "\n"


@pytest.mark.usefixtures("no_ledger")
def test_a_body_ends_after_its_own_stop() -> None:
    body, other = LoopBody("/plain"), LoopBody("/plain")
    body.step()
    body.stop()
    assert (body.running, body.steps) == (False, 1)
    assert other.running


@pytest.mark.usefixtures("no_ledger")
def test_a_step_prints_its_route_and_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    body = LoopBody("/plain")
    for _ in range(200):
        body.step()
    printed = [ast.literal_eval(line) for line in capsys.readouterr().out.splitlines()]
    assert {tuple(line) for line in printed} == {("/plain",)}
    assert {line["/plain"] for line in printed} <= set(range(11))
    assert len(printed) == 200


def test_steps_are_counted_in_the_ledger(ledger: Ledger) -> None:
    first, second = LoopBody("/first"), LoopBody("/second")
    first.step()
    for _ in range(3):
        second.step()
    assert [(loop.route, loop.steps) for loop in ledger.loops()] == [("/first", 1), ("/second", 3)]
    assert (first.steps, second.steps) == (1, 3)


def test_a_stop_ends_older_loops_and_no_younger_loop(ledger: Ledger) -> None:
    older = [LoopBody("/first"), LoopBody("/second")]
    ledger.stop()
    younger = LoopBody("/younger")
    assert [body.running for body in (*older, younger)] == [False, False, True]
    ledger.stop()
    assert not younger.running


def test_a_loop_has_ended_once_it_noticed_the_stop(ledger: Ledger) -> None:
    body = LoopBody("/any")
    ledger.stop()
    assert not ledger.loops()[0].ended
    assert not body.running
    assert ledger.loops()[0].ended


def test_a_bodys_own_stop_ends_its_loop_in_the_ledger(ledger: Ledger) -> None:
    body = LoopBody("/any")
    body.stop()
    assert not body.running
    assert ledger.loops()[0].ended


def test_the_place_of_a_body_is_the_line_that_made_it(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parent)
    frame = currentframe()
    assert frame is not None
    _, line = LoopBody("/any"), frame.f_lineno
    assert ledger.loops()[0].place == f"test_loop_body.py:{line}"


def test_a_place_outside_of_the_current_directory_is_a_full_path(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    frame = currentframe()
    assert frame is not None
    _, line = LoopBody("/any"), frame.f_lineno
    assert ledger.loops()[0].place == f"{__file__}:{line}"


def test_a_loop_belongs_to_the_thread_in_which_it_steps(ledger: Ledger) -> None:
    ledger.stamp_event_loop(threading.get_native_id())
    here, elsewhere = LoopBody("/here"), LoopBody("/elsewhere")
    here.step()
    thread = threading.Thread(target=elsewhere.step)
    thread.start()
    thread.join(LIMIT)
    assert [(loop.steps, loop.on_event_loop) for loop in ledger.loops()] == [(1, True), (1, False)]


def test_a_missing_ledger_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATH_VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(LedgerError, match="unset ASGI_LIVENESS_LEDGER"):
        LoopBody("/any")


def test_a_full_ledger_is_an_error(ledger: Ledger) -> None:
    for _ in range(SLOTS):
        ledger.take_slot("/many", "app.py:1")
    with pytest.raises(LedgerError, match="the ledger is full"):
        LoopBody("/any")


def test_a_failure_is_raised_by_the_next_step_of_older_loops_only(ledger: Ledger) -> None:
    older = LoopBody("/older")
    older.step()
    ledger.fail()
    younger = LoopBody("/younger")
    assert older.running  # it fails in its step, as loops do
    with pytest.raises(LoopFailure, match="the runner made the loop of /older fail"):
        older.step()
    younger.step()
    assert [(loop.steps, loop.ended) for loop in ledger.loops()] == [(2, True), (1, False)]


def test_a_body_that_was_freed_has_ended(ledger: Ledger) -> None:
    async def cancelled() -> None:
        body = LoopBody("/cooperative")
        while body.running:
            body.step()
            await asyncio.sleep(0)

    async def act() -> None:
        task = asyncio.create_task(cancelled())
        await asyncio.sleep(0)
        assert not ledger.loops()[0].ended
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(act())
    gc.collect()
    assert ledger.loops()[0].ended


@pytest.mark.usefixtures("no_ledger")
def test_a_body_without_a_ledger_is_freed_without_an_error() -> None:
    body = LoopBody("/plain")
    body.step()
    del body
    gc.collect()


@pytest.mark.usefixtures("ledger")
def test_a_body_that_could_not_be_made_is_freed_without_an_error() -> None:
    with pytest.raises(LedgerError, match="is longer than 32 bytes"):
        LoopBody("/" + 32 * "x")
    gc.collect()


def test_a_gentle_loop_sleeps_in_each_step(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    busy = LoopBody("/any")
    ledger.be_gentle()
    gentle = LoopBody("/any")
    busy.step()
    assert slept == []
    gentle.step()
    gentle.step()
    assert slept == [_REST, _REST]
    assert [loop.steps for loop in ledger.loops()] == [1, 2]
