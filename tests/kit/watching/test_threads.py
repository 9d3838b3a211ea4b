"""A pool of threads that is full, as far as stacks show."""

from __future__ import annotations

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.spy import SpiedThread
from asgi_liveness.watching import threads
from asgi_liveness.watching.judged import Condition, judge
from asgi_liveness.watching.threads import full_pool
from tests.kit.checking.windows import IDLE_WORKER, INSTALLED, OTHER, REPORT
from tests.kit.watching.made_samples import PROCESS, sampled, waiting, worker

RUN = Frame(f"{INSTALLED}/anyio/_backends/_asyncio.py", 976, "run")
DEFAULT = threads._EXECUTOR


def anyio(count: int, frame: Frame = REPORT) -> tuple[SpiedThread, ...]:
    """Threads of AnyIO that work."""
    return tuple(SpiedThread(100 + at, False, (frame, RUN), name="AnyIO") for at in range(count))


def test_a_full_pool_of_anyio_is_one_line_about_a_live_app() -> None:
    finding = judge(sampled(*[(waiting(), *anyio(39), *anyio(1, OTHER))] * 4, took=True))
    assert finding.state is Condition.LIVE
    assert finding.notes == (
        (
            "the pool of threads is full (AnyIO's): 40 threads work, 39 of them at "
            "/srv/myapp/reports.py:12 in report(); what needs a thread waits"
        ),
    )


def test_a_pool_with_a_thread_to_spare_is_not_full() -> None:
    assert full_pool([anyio(39)] * 2, PROCESS, "") == ""


def test_a_pool_that_is_full_in_one_sample_alone_is_not_full() -> None:
    assert full_pool([anyio(40), anyio(3)], PROCESS, "") == ""


def test_the_executor_of_asyncio_is_full_with_its_default_number() -> None:
    busy = [worker(REPORT, number=at) for at in range(DEFAULT)]
    assert "(asyncio's default)" in full_pool([busy] * 2, PROCESS, "")
    idle = SpiedThread(99, False, IDLE_WORKER, name="asyncio_99")
    assert full_pool([[*busy, idle]] * 2, PROCESS, "") == ""
    assert full_pool([busy[1:]] * 2, PROCESS, "") == ""
