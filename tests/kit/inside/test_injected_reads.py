"""What a watched process writes of greenlets, tasks, pools and the garbage collector."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from asgi_liveness.inside.injected import stacks
from asgi_liveness.serving.board import Board
from tests.kit.inside.test_injected import SERVING
from tests.kit.inside.watched import (
    MAX_STALL,
    Start,
    board,
    ended_stalls,
    functions,
    run,
    samples,
    start,
)
from tests.waiting import until

__all__ = ["board", "run", "start"]  # the fixtures of these tests


def test_a_greenlet_has_the_frames_of_its_task_below_it(board: Board, start: Start) -> None:
    start(
        "import greenlet\n"
        "async def handler():\n    await within()\n"
        "async def within():\n    greenlet.greenlet(spin).switch()\n"
        "asyncio.run(handler())"
    )
    until(partial(samples, board))
    names = [frame.function for frame in samples(board)[0].stack]
    assert names[:3] == ["spin", "within", "handler"]
    assert names[-1] == "<module>"


def test_tasks_write_where_they_wait_and_how_many(board: Board, start: Start) -> None:
    start(
        SERVING.replace("await blocked(spin)", "await many()") + "async def many():\n"
        "    lock = asyncio.Lock()\n"
        "    await asyncio.gather(*(one(lock) for _ in range(5)))\n"
        "async def one(lock):\n    async with lock:\n        await forever()\n"
        "async def forever():\n    async for _ in never(): pass\n"
        "async def never():\n    await asyncio.sleep(60)\n    yield 1\n"
        "asyncio.run(serve())"
    )
    until(lambda: [one for one in board.heartbeats() if one.ports])
    number = board.request_threads()
    tasks = until(partial(board.tasks, number))
    stacks = {tuple(frame.function for frame in task.stack): task.count for task in tasks}
    assert stacks["sleep", "never", "forever", "one"] == 1
    assert stacks["acquire", "__aenter__", "one"] == 4


def test_a_pool_is_known_by_its_name_and_the_work_that_waits(board: Board, start: Start) -> None:
    start(
        "from concurrent.futures import ThreadPoolExecutor\n"
        "own = ThreadPoolExecutor(2, thread_name_prefix='reports')\n"
        "for _ in range(5): own.submit(time.sleep, 60)\n"
        "over(60)"
    )
    until(lambda: [one for one in board.heartbeats() if one.beat_at])
    number = board.request_threads()
    threads = until(partial(board.threads, number))
    pooled = [thread.pool for thread in threads if thread.pool]
    assert [(pool.name, pool.queued) for pool in pooled] == [("reports", 3)] * 2


COLLECTS = """\
import gc
async def fill():
    held = [[n] for n in range(3_000_000)]
    while True:
        gc.collect()
        await asyncio.sleep(0.05)
"""


def test_a_full_pass_of_the_collector_is_written(board: Board, start: Start) -> None:
    start(f"{COLLECTS}asyncio.run(fill())")
    found = until(board.collections)
    assert found[0].ended - found[0].began > MAX_STALL / 4


def test_a_pass_of_the_collector_shows_while_it_goes_on(board: Board, start: Start) -> None:
    start(f"{COLLECTS}asyncio.run(fill())")
    since = until(lambda: max((each.pass_since for each in board.heartbeats()), default=0.0))
    until(lambda: [each for each in board.collections() if each.ended > since])
    until(lambda: not any(each.pass_since for each in board.heartbeats()))


def test_code_that_keeps_the_gil_keeps_it_while_the_collector_is_timed(
    run: Callable[..., str],
) -> None:
    counted = run(
        "import json\n"
        "ticks = 0\n"
        "def tick():\n"
        "    global ticks\n"
        "    while True: time.sleep(0.0005); ticks += 1\n"
        "threading.Thread(target=tick, daemon=True).start()\n"
        "text = json.dumps([{'a': [n, {'b': n}]} for n in range(200_000)])\n"
        "async def parse():\n"
        "    for _ in range(3):\n"
        "        before, began = ticks, time.monotonic()\n"
        "        json.loads(text)\n"
        "        after = ticks\n"
        "        time.sleep(time.monotonic() - began)\n"
        "        print((after - before) / (ticks - after))\n"
        "asyncio.run(parse())"
    )
    # On a busy machine the other thread also ticks just before and just after the C code.
    assert min(map(float, counted.split())) < 0.01, counted


def test_a_fork_of_an_app_that_cleared_the_callbacks_runs(run: Callable[..., str]) -> None:
    forks = "import gc\nover()\ngc.callbacks.clear()\nif not os.fork(): over(); os._exit(7)\n"
    assert run(forks + "print(os.waitstatus_to_exitcode(os.wait()[1]))") == "7\n"


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_does_not_run_while_frames_are_read(*, enabled: bool) -> None:
    (gc.enable if enabled else gc.disable)()
    try:
        with stacks.uncollected():
            assert gc.isenabled() is (enabled and sys.version_info >= (3, 12))
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


def test_an_app_that_closes_all_descriptors_is_still_watched(
    board: Board, start: Start, tmp_path: Path
) -> None:
    start(
        "async def close():\n"
        "    await asyncio.sleep(0.1)\n"
        "    spared = asyncio.get_running_loop()._selector.fileno()\n"
        "    os.closerange(3, spared)\n"
        f"    own = [open({str(tmp_path / 'own')!r} + str(n), 'w') for n in range(9)]\n"
        "    await blocked(stand)\n"
        "asyncio.run(close())"
    )
    until(partial(ended_stalls, board))
    assert functions(board) == {"stand"}
    assert [path.read_text() for path in tmp_path.glob("own*")] == [""] * 9
