"""Pools of threads that are full."""

from __future__ import annotations

from pathlib import Path

from asgi_liveness.serving.records import Frame, TaskStack
from asgi_liveness.stalls.pools import FullPool, full_pools
from tests.kit.checking.windows import INSTALLED, REPORT, STANDARD, thread

APP = """\
async def report():
    await to_thread.run_sync(make, limiter=reports)
    await to_thread.run_sync(make)
    async with reports:
        pass
"""
BACKEND = f"{INSTALLED}/anyio/_backends/_asyncio.py"
ACQUIRES = (
    Frame(f"{STANDARD}/asyncio/locks.py", 213, "wait"),
    Frame(BACKEND, 1984, "acquire_on_behalf_of"),
    Frame(BACKEND, 1970, "acquire"),
)
ENTERS = (*ACQUIRES, Frame(BACKEND, 1900, "__aenter__"))
WAITS = (
    *ENTERS,
    Frame(BACKEND, 2500, "run_sync_in_worker_thread"),
    Frame(f"{INSTALLED}/anyio/to_thread.py", 63, "run_sync"),
)
WORKS = thread(REPORT, Frame(BACKEND, 976, "run"), Frame(f"{STANDARD}/threading.py", 1010, "run"))
SHARED = FullPool("AnyIO's", 2, (REPORT, REPORT), is_shared=True)
OF_APP = FullPool("a CapacityLimiter of the app", 2, (REPORT, REPORT), is_shared=False)


def full(*stacks: tuple[Frame, ...]) -> list[FullPool]:
    """Return the full pools of two busy threads of AnyIO, while tasks wait in these *stacks*."""
    return full_pools([WORKS, WORKS], [TaskStack(7, 1, each) for each in stacks], "")


def app(folder: Path, line: int) -> Frame:
    (folder / "app.py").write_text(APP)
    return Frame(str(folder / "app.py"), line, "report")


def test_synchronous_routes_share_the_pool_of_anyio(tmp_path: Path) -> None:
    starlette = Frame(f"{INSTALLED}/starlette/concurrency.py", 32, "run_in_threadpool")
    assert full((*WAITS, starlette, REPORT)) == [SHARED]
    assert full((*WAITS, app(tmp_path, 3))) == [SHARED]


def test_a_limiter_of_the_app_is_a_pool_of_its_own(tmp_path: Path) -> None:
    assert full((*WAITS, app(tmp_path, 2))) == [OF_APP]
    starlette = Frame(f"{INSTALLED}/starlette/concurrency.py", 32, "run_in_threadpool")
    assert full((*WAITS, app(tmp_path, 2)), (*WAITS, starlette)) == [SHARED]


def test_a_limiter_without_threads_is_no_pool(tmp_path: Path) -> None:
    assert full((*ENTERS, app(tmp_path, 4))) == []
