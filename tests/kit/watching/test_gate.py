"""What blocks an event loop during a test, in any thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import uvloop

from asgi_liveness.watching.gate import Blocked, Gate
from tests.kit.watching import blocking

MAX_STALL = 0.1
LONG = 0.4  # seconds

LOOPS = pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
NewLoop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate(MAX_STALL)
    yield made
    made.close()


def functions(blocked: Blocked) -> set[str]:
    """Return the functions of ``blocking.py`` that blocked; a busy machine has others."""
    return {each.frame.function for each in blocked.lines if "blocking.py" in each.frame.file}


async def blocked(call: Callable[[float], None]) -> None:
    await asyncio.sleep(0.05)
    call(LONG)
    await asyncio.sleep(0.05)


async def blocked_at_last() -> None:
    blocking.sleep(LONG)


@LOOPS
def test_a_line_is_named_with_its_source_and_advice(new_loop: NewLoop, gate: Gate) -> None:
    gate.begin()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(blocked(blocking.sleep))
    found = gate.end()
    assert functions(found) == {"sleep"}
    (text,) = [each.text for each in found.lines if each.frame.function == "sleep"]
    number = blocking.sleep.__code__.co_firstlineno + 1
    assert f"blocking.py:{number} in sleep() stalled the event loop for 0." in text
    assert text.splitlines()[0].endswith(" (limit 0.1 s)")
    assert f"> {number} |     time.sleep(seconds)" in text
    assert "\n\nThis is a synchronous call: " in text


@LOOPS
def test_the_last_step_before_the_loop_stops_counts(new_loop: NewLoop, gate: Gate) -> None:
    gate.begin()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(blocked_at_last())
    assert functions(gate.end()) == {"sleep"}


@LOOPS
def test_stalls_outside_of_the_time_do_not_count(new_loop: NewLoop, gate: Gate) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(blocked(blocking.sleep))
        gate.begin()
        runner.run(asyncio.sleep(0.05))
        found = gate.end()
        runner.run(blocked(blocking.sleep))
    assert functions(found) == set()


def test_a_loop_that_does_not_run_does_not_stall(gate: Gate) -> None:
    gate.begin()
    with asyncio.Runner() as runner:
        runner.run(asyncio.sleep(0))
        time.sleep(LONG)
        runner.run(asyncio.sleep(0))
    assert functions(gate.end()) == set()


@LOOPS
def test_a_loop_of_a_thread_that_ran_before_counts(new_loop: NewLoop, gate: Gate) -> None:
    loop = new_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
    gate.begin()
    asyncio.run_coroutine_threadsafe(blocked(blocking.spin), loop).result()
    found = gate.end()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert functions(found) == {"spin"} or found.unexplained  # on a busy machine


def test_a_loop_that_serves_does_not_hide_another(gate: Gate) -> None:
    async def main() -> None:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        async with server:
            await asyncio.to_thread(asyncio.run, blocked(blocking.sleep))

    gate.begin()
    asyncio.run(main())
    assert functions(gate.end()) == {"sleep"}


def test_a_stall_that_goes_on_counts(gate: Gate) -> None:
    gate.begin()
    thread = threading.Thread(target=asyncio.run, args=[blocked(blocking.sleep)])
    thread.start()
    time.sleep(0.05 + LONG * 0.9)
    found = gate.end()
    thread.join()
    assert functions(found) == {"sleep"}


def test_two_stalls_of_a_function_are_one_line(gate: Gate) -> None:
    async def main() -> None:
        await blocked(blocking.sleep)
        await blocked(blocking.sleep)

    gate.begin()
    asyncio.run(main())
    (text,) = [each.text for each in gate.end().lines if each.frame.function == "sleep"]
    assert " stalled the event loop 2 times, at most for 0." in text


def test_held_gil_without_a_line_fails_nothing(gate: Gate) -> None:
    gate.begin()
    asyncio.run(blocked(lambda _: blocking.hold_the_gil()))
    found = gate.end()
    assert found.unexplained or found.lines


def test_a_test_without_a_loop_starts_no_thread(gate: Gate) -> None:
    gate.begin()
    assert gate.end() == Blocked()
    assert gate._watcher is None


def test_gates_of_several_limits_leave_nothing() -> None:
    hooks = asyncio._set_running_loop, asyncio.events._set_running_loop, uvloop.Loop.run_forever
    threads = threading.active_count()
    gates = [Gate(limit) for limit in (0.05, 10.0)]
    for gate in gates:
        gate.begin()
    uvloop.run(blocked(blocking.sleep))
    found = [functions(gate.end()) for gate in gates]
    for gate in gates[::-1]:
        gate.close()
    assert found == [{"sleep"}, set()]
    assert threading.active_count() == threads
    assert hooks == (
        asyncio._set_running_loop,
        asyncio.events._set_running_loop,
        uvloop.Loop.run_forever,
    )
