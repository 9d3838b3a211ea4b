"""``watch_loop`` reports what blocks its event loop, and leaves nothing."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvloop

import asgi_liveness
from asgi_liveness.errors import UsageError
from asgi_liveness.watching import in_process
from asgi_liveness.watching.loop_stall import LoopStall
from tests.kit.watching import blocking
from tests.waiting import until_async

MAX_STALL = 0.05
LONG = 0.4  # seconds
SLEEPS_AT = blocking.sleep.__code__.co_firstlineno + 1

LOOPS = pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)


@pytest.fixture(autouse=True)
def _logs(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level(logging.WARNING, "asgi_liveness")
    monkeypatch.setattr(in_process, "STARTS", 0.0)  # seconds that the app may take to serve


async def blocked(call: Callable[..., object], *given: float) -> None:
    await asyncio.sleep(0.05)
    call(*given)
    await asyncio.sleep(0.05)


def named(stalls: list[LoopStall]) -> list[LoopStall]:
    """Return the stalls with a line of ``blocking.py``; a busy machine has others."""
    return [stall for stall in stalls if "blocking.py" in stall.file]


def records(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [each for each in caplog.records if getattr(each, "stall_file", "")]


@LOOPS
def test_a_stall_is_logged_and_told_with_its_line(
    new_loop: Callable[[], asyncio.AbstractEventLoop], caplog: pytest.LogCaptureFixture
) -> None:
    told, threads = list[LoopStall](), set[str]()

    def on_stall(stall: LoopStall) -> None:
        told.append(stall)
        threads.add(threading.current_thread().name)

    async def main() -> None:
        async with asgi_liveness.watch_loop(on_stall, max_stall=MAX_STALL):
            await blocked(blocking.sleep, LONG)

    began = datetime.now(UTC)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    (stall,) = named(told)
    assert threads == {"asgi-liveness"}
    assert f"blocking.py:{SLEEPS_AT} in sleep()" in str(stall)
    assert stall.source == "time.sleep(seconds)"
    assert stall.seconds >= LONG - 0.02
    assert began < stall.when < datetime.now(UTC)
    assert (stall.goes_on, stall.request) == (False, "")
    (record,) = records(caplog)
    assert (record.name, record.levelname) == ("asgi_liveness", "WARNING")
    assert record.getMessage() == str(stall)
    assert record.stall_seconds == round(stall.seconds, 3)
    assert (record.stall_line, record.stall_function) == (SLEEPS_AT, "sleep")
    assert record.stall_advice == stall.advice
    assert record.stall_began == stall.when.isoformat(timespec="milliseconds")


def test_a_loop_that_does_not_stall_is_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with asgi_liveness.watch_loop(max_stall=30.0):
            await blocked(blocking.sleep, LONG)

    asyncio.run(main())
    assert caplog.records == []


def test_a_stall_up_to_the_end_of_the_context_is_reported() -> None:
    told = list[LoopStall]()

    async def main() -> None:
        async with asgi_liveness.watch_loop(told.append, max_stall=MAX_STALL):
            await asyncio.sleep(0.05)
            blocking.sleep(LONG)

    asyncio.run(main())
    assert len(named(told)) == 1


def test_an_endless_stall_is_reported_while_it_blocks() -> None:
    told = list[LoopStall]()
    reported = threading.Event()

    def on_stall(stall: LoopStall) -> None:
        told.append(stall)
        if named([stall]):
            reported.set()

    async def main() -> None:
        async with asgi_liveness.watch_loop(on_stall, max_stall=MAX_STALL):
            await asyncio.sleep(0.05)
            blocking.spin_until(reported.is_set)  # the report itself ends the stall
            await asyncio.sleep(0.05)

    asyncio.run(main())
    (stall,) = named(told)
    assert stall.goes_on
    assert " so far at " in str(stall)
    assert stall.advice.startswith("This loop runs in a function that is not async")


def test_held_gil_is_said_where_no_line_shows() -> None:
    told = list[LoopStall]()

    async def main() -> None:
        async with asgi_liveness.watch_loop(told.append, max_stall=MAX_STALL):
            await blocked(blocking.hold_the_gil)

    asyncio.run(main())
    assert [stall for stall in told if stall.unknown == in_process.HELD or stall.file]


def test_nothing_is_left_of_the_watcher() -> None:
    callbacks, threads = list(gc.callbacks), threading.enumerate()

    async def main() -> set[str]:
        loop = asyncio.get_running_loop()
        attributes = dict(vars(loop))
        async with asgi_liveness.watch_loop(), asgi_liveness.watch_loop():
            within = [thread for thread in threading.enumerate() if thread not in threads]
            assert [(thread.name, thread.daemon) for thread in within] == [
                ("asgi-liveness", True)
            ] * 2
        assert vars(loop).keys() == attributes.keys()
        assert loop.create_server.__self__ is loop  # type: ignore[attr-defined]
        return {thread.name for thread in threading.enumerate() if thread not in threads}

    for _ in range(3):
        assert asyncio.run(main()) == set()
    assert gc.callbacks == callbacks


def test_the_error_of_an_app_leaves_nothing_either() -> None:
    async def main() -> None:
        async with asgi_liveness.watch_loop():
            raise LookupError("of the app")

    threads = threading.active_count()
    with pytest.raises(LookupError, match="of the app"):
        asyncio.run(main())
    assert threading.active_count() == threads


def test_a_callback_that_fails_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    told = list[LoopStall]()

    def on_stall(stall: LoopStall) -> None:
        told.append(stall)
        raise SystemExit("with\nlines")

    async def main() -> None:
        async with asgi_liveness.watch_loop(on_stall, max_stall=MAX_STALL):
            for _ in range(2):
                await blocked(blocking.sleep, LONG)

    asyncio.run(main())
    assert len(named(told)) == 2
    (failure,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert failure.getMessage().startswith("on_stall raised SystemExit: with lines at ")
    assert failure.getMessage().endswith("; further errors are not logged")
    assert failure.exc_info is None


def test_a_callback_may_use_the_loop_at_the_end() -> None:
    answers = list[int]()

    async def answer() -> int:
        return 1

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def on_stall(_: LoopStall) -> None:
            answers.append(asyncio.run_coroutine_threadsafe(answer(), loop).result(10.0))

        async with asgi_liveness.watch_loop(on_stall, max_stall=MAX_STALL):
            await asyncio.sleep(0.05)
            blocking.sleep(LONG)

    asyncio.run(main())
    assert answers


def test_loops_in_threads_are_told_apart() -> None:
    told: dict[str, list[LoopStall]] = {"sleep": [], "spin": []}

    async def main(name: str) -> None:
        async with asgi_liveness.watch_loop(told[name].append, max_stall=MAX_STALL):
            await blocked(getattr(blocking, name), LONG)

    other = threading.Thread(target=asyncio.run, args=[main("spin")])
    other.start()
    asyncio.run(main("sleep"))
    other.join()
    for name, stalls in told.items():
        assert {stall.function for stall in named(stalls)} <= {name}
    assert named(told["sleep"])


# Stalls before the loop serves.


async def serve() -> asyncio.Server:
    return await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)


@LOOPS
def test_what_blocks_the_start_of_a_server_is_no_stall(
    new_loop: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_process, "STARTS", 60.0)
    told = list[LoopStall]()

    async def main() -> None:
        async with asgi_liveness.watch_loop(told.append, max_stall=MAX_STALL):
            await blocked(blocking.spin, LONG)
            async with await serve():
                await blocked(blocking.sleep, LONG)
                await until_async(lambda: named(told))

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert {stall.function for stall in named(told)} == {"sleep"}


def test_stalls_of_a_loop_that_never_serves_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_process, "STARTS", 60.0)
    told = list[LoopStall]()

    async def main() -> None:
        async with asgi_liveness.watch_loop(told.append, max_stall=MAX_STALL):
            await blocked(blocking.sleep, LONG)
            assert told == []
            monkeypatch.setattr(in_process, "STARTS", 0.0)
            await until_async(lambda: named(told))

    asyncio.run(main())


# Arguments.


@pytest.mark.parametrize("given", [0, -1.0, 0.001, float("inf"), float("nan"), "200ms", None])
def test_a_limit_that_is_no_time_is_an_error(given: Any) -> None:
    with pytest.raises(
        UsageError, match=r"^max_stall .*: give seconds from 0\.01 on, such as 0\.2$"
    ):
        asgi_liveness.watch_loop(max_stall=given)


def test_a_context_without_a_loop_of_asyncio_is_an_error() -> None:
    entering = asgi_liveness.watch_loop().__aenter__()
    with pytest.raises(UsageError, match="no event loop of asyncio runs here"):
        entering.send(None)


def test_a_library_for_metrics_that_is_unknown_is_an_error() -> None:
    with pytest.raises(UsageError, match="choose from: prometheus, opentelemetry"):
        asgi_liveness.watch_loop(metrics="statsd")


# What an app sees of it.

SEEN = """\
import asyncio, atexit, contextlib, gc, os, signal, sys, threading
import asgi_liveness

atexit.register(print, "registered first, runs last")

async def main(watches):
    context = asgi_liveness.watch_loop() if watches else contextlib.nullcontext()
    before = len(os.listdir("/proc/self/fd"))
    async with context:
        print([str(signal.getsignal(number)) for number in signal.valid_signals()])
        print(sys.gettrace(), sys.getprofile(), threading.gettrace(), signal.getitimer(0))
        print(len(os.listdir("/proc/self/fd")) - before, os.listdir("."))
        print([(thread.name, thread.daemon) for thread in threading.enumerate()])
        atexit.register(print, "registered within")
        await asyncio.sleep(0.1)
    print([(thread.name, thread.daemon) for thread in threading.enumerate()], len(gc.callbacks))

watches = sys.argv[1:] == ["watches"]
asyncio.run(main(watches))
print(atexit._ncallbacks())
"""


def test_an_app_sees_one_daemon_thread_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "seen.py").write_text(SEEN)

    def seen(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "seen.py", *arguments],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        return re.sub(r"0x[0-9a-f]+", "0x", done.stdout)

    watched = seen("watches")
    assert "('asgi-liveness', True)" in watched
    assert watched.replace(", ('asgi-liveness', True)", "") == seen()
