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


def test_a_pace_awaited_outside_of_its_block_is_an_error() -> None:
    async def main() -> None:
        pace = Pace()
        with pytest.raises(RuntimeError, match="within `async with Pace"):
            await pace
        async with pace:
            await pace
        with pytest.raises(RuntimeError, match="within `async with Pace"):
            await pace

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
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-I", "-c", program], check=True, timeout=30)
