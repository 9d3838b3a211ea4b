"""Pools of threads that stay full, from one answer to the next."""

from __future__ import annotations

from asgi_liveness.serving.records import Frame, Pool, TaskStack, ThreadStack
from asgi_liveness.watching.starvation import FullPools, Starvation
from tests.kit.checking.windows import IDLE_WORKER, OTHER, PROCESS, REPORT, WORKER


def threads(busy: int, queued: int, where: Frame = REPORT, pool: str = "jobs") -> list[ThreadStack]:
    return [
        ThreadStack(PROCESS, False, (where, *WORKER), Pool(pool, 0, queued)) for _ in range(busy)
    ]


def answered(pools: FullPools, at: float, *rows: ThreadStack, stalled: int = 0) -> list[Starvation]:
    return pools.answered(rows, list[TaskStack](), {stalled}, at)


def test_a_pool_is_told_when_it_is_full_twice_and_when_it_is_no_longer() -> None:
    pools = FullPools("")
    full = [*threads(3, 5), *threads(1, 5, OTHER)]
    assert answered(pools, 10.0, *full) == []
    (found,) = answered(pools, 11.0, *full)
    assert (found.pool, found.threads, found.there) == ("thread pool ('jobs')", 4, 3)
    assert (found.at, found.seconds, found.goes_on) == (10.0, 1.0, True)
    assert found.where == "/srv/myapp/reports.py:12"
    assert answered(pools, 12.0, *full) == []
    (ended,) = answered(pools, 13.0, *threads(3, 0))
    assert (ended.seconds, ended.goes_on) == (3.0, False)
    assert answered(pools, 14.0, *threads(3, 0)) == []


def test_a_pool_that_is_full_once_is_only_busy() -> None:
    pools = FullPools("")
    for at in range(5):
        assert answered(pools, 2.0 * at, *threads(2, 5)) == []
        assert answered(pools, 2.0 * at + 1, *threads(2, 0)) == []


def test_a_pool_with_an_idle_thread_is_not_full() -> None:
    pools = FullPools("")
    idle = ThreadStack(PROCESS, False, IDLE_WORKER, Pool("jobs", 0, 5))
    assert answered(pools, 1.0, *threads(2, 5), idle) == []
    assert answered(pools, 2.0, *threads(2, 5), idle) == []


def test_a_process_whose_loop_stalls_says_nothing_of_its_pools() -> None:
    pools = FullPools("")
    answered(pools, 1.0, *threads(2, 5))
    assert answered(pools, 2.0, *threads(2, 5), stalled=PROCESS) == []
    (found,) = answered(pools, 3.0, *threads(2, 5))
    assert found.seconds == 2.0


def test_a_pool_that_is_full_at_the_end_is_listed() -> None:
    pools = FullPools("")
    answered(pools, 1.0, *threads(2, 5))
    assert pools.end(1.5) == []
    answered(pools, 2.0, *threads(2, 5))
    assert [each.seconds for each in pools.end(4.0)] == [3.0]
