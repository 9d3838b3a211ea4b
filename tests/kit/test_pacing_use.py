"""Pace keeps no event loop and no request alive, rejects bad input, and can be copied."""

from __future__ import annotations

import ast
import asyncio
import gc
import math
import subprocess
import sys
import threading
import weakref
from contextvars import ContextVar
from pathlib import Path

import pytest

from asgi_liveness import pacing
from asgi_liveness.pacing import Pace
from tests.kit.stage import each_spelling

FILE = Path(pacing.__file__)
SLICE = 1e-3  # seconds


def test_each_event_loop_has_a_queue_of_its_own() -> None:
    both = threading.Barrier(2, timeout=10)
    iterations = [0, 0]

    async def loop(number: int) -> None:
        async with Pace(SLICE) as pace:
            both.wait()
            while min(iterations) < 1000:
                iterations[number] += 1
                await pace

    threads = [threading.Thread(target=asyncio.run, args=(loop(number),)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert min(iterations) >= 1000


def test_an_event_loop_that_ends_with_waiting_loops_is_freed() -> None:
    async def loop() -> None:
        async with Pace() as pace:
            while True:
                await pace

    async def main() -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(loop()) for _ in range(3)]
        await asyncio.sleep(0.01)
        return tasks

    with asyncio.Runner() as runner:
        event_loop = weakref.ref(runner.get_loop())
        runner.run(main())
    gc.collect()
    assert event_loop() is None


def test_objects_of_the_first_request_are_freed() -> None:
    class Held:
        pass

    context = ContextVar[Held]("context")

    async def request(references: list[weakref.ref[Held]]) -> None:
        held = Held()
        context.set(held)
        references.append(weakref.ref(held))
        async with Pace():
            pass

    async def main() -> None:
        references: list[weakref.ref[Held]] = []
        async with Pace(1e-6) as pace:
            await asyncio.create_task(request(references))
            for _ in range(100):
                await pace
            gc.collect()
            assert references[0]() is None

    asyncio.run(main())


# One pace, entered several times.


@each_spelling
def test_tasks_may_enter_one_pace_and_leave_it_one_by_one(by_slices: bool) -> None:
    pace = Pace(1e-6)

    async def loop(iterations: int, made: list[int]) -> None:
        async with pace:
            await run(pace, iterations, made, by_slices)

    async def main() -> None:
        made = [list[int]() for _ in range(5)]
        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(loop(10 + 30 * number, made[number]))
        assert [len(each) for each in made] == [10, 40, 70, 100, 130]
        with pytest.raises(RuntimeError, match="within `async with Pace"):
            await run(pace, 1, [], by_slices)

    asyncio.run(main())


@each_spelling
def test_a_task_cancelled_at_the_entry_has_not_entered(by_slices: bool) -> None:
    pace = Pace()

    async def main() -> None:
        entering = asyncio.create_task(pace.__aenter__())
        await asyncio.sleep(0)
        entering.cancel()
        await asyncio.wait({entering})
        with pytest.raises(RuntimeError, match="within `async with Pace"):
            await run(pace, 1, [], by_slices)

    asyncio.run(main())


def test_one_pace_serves_one_event_loop_after_another() -> None:
    pace = Pace(1e-6)

    async def leave_tasks_behind() -> asyncio.Task[Pace]:
        async with pace:
            task = asyncio.create_task(pace.__aenter__())
            await asyncio.sleep(0.01)
            return task

    async def main() -> None:
        made = list[int]()
        async with pace:
            await run(pace, 10, made, by_slices=False)
        assert len(made) == 10

    asyncio.run(leave_tasks_behind())
    asyncio.run(main())


@each_spelling
def test_a_second_event_loop_at_the_same_time_is_refused(by_slices: bool) -> None:
    pace = Pace(1e-6)
    refused = threading.Event()

    async def first() -> None:
        async with pace:
            other = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(second())))
            while not refused.is_set():
                await run(pace, 10, [], by_slices)
                await asyncio.sleep(0)
            await other
            await run(pace, 10, [], by_slices)

    async def second() -> None:
        try:
            with pytest.raises(RuntimeError, match="used by another event loop: make one for each"):
                async with pace:
                    pass
        finally:
            refused.set()

    asyncio.run(first())


async def run(pace: Pace, iterations: int, made: list[int], by_slices: bool) -> None:
    """Make so many iterations within the block of a pace."""
    if not by_slices:
        for number in range(iterations):
            made.append(number)
            await pace
        return
    async for slice in pace:  # noqa: A001 (the term)
        for _ in slice:
            made.append(len(made))
            if len(made) >= iterations:
                return


# Bad input.


@pytest.mark.parametrize("number", [0, -0.001, math.nan, math.inf])
def test_a_slice_is_a_number_of_seconds(number: float) -> None:
    with pytest.raises(
        ValueError, match=f"slice must be a number of seconds above 0, not {number}"
    ):
        Pace(number)


@pytest.mark.parametrize("share", [0, -1, 1.5, math.nan])
def test_a_least_share_outside_of_0_to_1_is_refused(share: float) -> None:
    message = f"least_share must be above 0 and at most 1, not {share}"
    with pytest.raises(ValueError, match=message):
        Pace(least_share=share)


def test_a_pace_without_asyncio_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="Pace needs a running asyncio event loop"):
        Pace().__aenter__().send(None)


@each_spelling
def test_a_pace_used_outside_of_its_block_is_an_error(by_slices: bool) -> None:
    async def main() -> None:
        pace = Pace()
        with pytest.raises(RuntimeError, match="within `async with Pace"):
            await run(pace, 1, [], by_slices)
        async with pace:
            await run(pace, 1, [], by_slices)
        with pytest.raises(RuntimeError, match="within `async with Pace"):
            await run(pace, 1, [], by_slices)

    asyncio.run(main())


# A copy of the file.


def test_the_file_imports_only_the_standard_library() -> None:
    names = set[str]()
    for node in ast.walk(ast.parse(FILE.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "asgi_liveness")
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_a_copy_of_the_file_works(tmp_path: Path) -> None:
    (tmp_path / "copied.py").write_text(FILE.read_text())
    program = (
        "import asyncio, sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from copied import Pace\n"
        "async def main():\n"
        "    async with Pace() as pace:\n"
        "        await pace\n"
        "        async for slice in pace:\n"
        "            for _ in slice:\n"
        "                return\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-I", "-c", program], check=True, timeout=30)
