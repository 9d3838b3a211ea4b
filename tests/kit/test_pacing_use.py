"""What Pace leaves behind, what it refuses, and that its file can be copied out."""

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


def test_each_event_loop_has_a_line_of_its_own() -> None:
    both = threading.Barrier(2, timeout=10)
    turns = [0, 0]

    async def one(number: int) -> None:
        async with Pace(SLICE) as pace:
            both.wait()
            while min(turns) < 1000:
                turns[number] += 1
                await pace

    threads = [threading.Thread(target=asyncio.run, args=(one(number),)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert min(turns) >= 1000


def test_an_event_loop_that_was_left_with_loops_waiting_is_forgotten() -> None:
    async def one() -> None:
        async with Pace() as pace:
            while True:
                await pace

    async def main() -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(one()) for _ in range(3)]
        await asyncio.sleep(0.01)
        return tasks

    with asyncio.Runner() as runner:
        event_loop = weakref.ref(runner.get_loop())
        runner.run(main())
    gc.collect()
    assert event_loop() is None


def test_nothing_of_the_first_request_is_kept() -> None:
    class Held:
        pass

    context = ContextVar[Held]("context")

    async def request(seen: list[weakref.ref[Held]]) -> None:
        held = Held()
        context.set(held)
        seen.append(weakref.ref(held))
        async with Pace():
            pass

    async def main() -> None:
        seen: list[weakref.ref[Held]] = []
        async with Pace(1e-6) as pace:
            await asyncio.create_task(request(seen))
            for _ in range(100):
                await pace
            gc.collect()
            assert seen[0]() is None

    asyncio.run(main())


# What is refused.


@pytest.mark.parametrize("number", [0, -0.001, math.nan, math.inf])
def test_a_slice_is_a_number_of_seconds(number: float) -> None:
    with pytest.raises(
        ValueError, match=f"slice must be a number of seconds above 0, not {number}"
    ):
        Pace(number)


@pytest.mark.parametrize("share", [0, -1, 1.5, math.nan])
def test_a_share_is_a_part_of_one(share: float) -> None:
    words = f"least_share must be above 0 and at most 1, not {share}"
    with pytest.raises(ValueError, match=words):
        Pace(least_share=share)


def test_it_says_that_it_needs_asyncio() -> None:
    with pytest.raises(RuntimeError, match="Pace needs a running asyncio event loop"):
        Pace().__aenter__().send(None)


def test_awaited_outside_it_says_how() -> None:
    async def main() -> None:
        pace = Pace()
        with pytest.raises(RuntimeError, match="within `async with Pace"):
            await pace
        async with pace:
            await pace
        with pytest.raises(RuntimeError, match="within `async with Pace"):
            await pace

    asyncio.run(main())


# It can be copied out.


def test_it_imports_the_standard_library_alone() -> None:
    names = set[str]()
    for node in ast.walk(ast.parse(FILE.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "asgi_liveness")
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_a_copy_works(tmp_path: Path) -> None:
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
