"""What was seen of a target on a server is kept, and judged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.conformance import load as jobs_module
from asgi_liveness.conformance import subject as bench_module
from asgi_liveness.conformance.cases import CASES
from asgi_liveness.conformance.contract import BACKGROUND, COOPERATIVE, State
from asgi_liveness.conformance.observation import Outcome
from asgi_liveness.conformance.promises import Shutdown, ShutdownTimes, lacking
from asgi_liveness.conformance.subject import Clock, Judgement, Subject
from asgi_liveness.errors import TargetError
from asgi_liveness.serving.servers import SERVERS, ServerKind

UVICORN = SERVERS[0]
CASE = {case.id: case for case in CASES}
GONE = ShutdownTimes({"SIGTERM": 0.5, "SIGINT": 0.25}, {"SIGTERM": "", "SIGINT": ""})
STUCK = ShutdownTimes({"SIGTERM": None, "SIGINT": 0.25}, {"SIGTERM": "2 were there", "SIGINT": ""})

pytestmark = pytest.mark.usefixtures("temporary")


def running(temporary: Path) -> int:
    """How many servers run: each has a folder as long as it does."""
    return len(list(temporary.iterdir()))


def use(target: str, act: Callable[[Subject], Any]) -> Subject:
    """Let *act*, a coroutine function, use a bench of *target*; end it."""
    bench = Subject(target, UVICORN, frozenset(), Clock())
    try:
        asyncio.run(act(bench))
    finally:
        bench.end()
    return bench


def test_the_clock_counts_a_part_that_fails_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    ticks = iter([10.0, 12.5, 20.0, 21.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
    with clock.counting("windows"):
        pass
    with pytest.raises(KeyError), clock.counting("windows"):
        raise KeyError
    assert (clock.starts, clock.windows) == (0.0, 3.5)


@pytest.mark.parametrize("case", ["CONT-002", "LIVE-007", "LIVE-009"])
def test_what_needs_a_lacking_feature_is_not_applicable_and_starts_nothing(case: str) -> None:
    bench = Subject("no.such:app", UVICORN, frozenset({"sync"}), Clock())
    assert asyncio.run(bench.judge(CASE[case])) == Judgement(
        Outcome.NOT_APPLICABLE,
        "the target lacks synchronous handlers (a plain `def`)",
    )


def test_a_target_that_did_not_come_up_is_not_started_again(temporary: Path) -> None:
    async def act(bench: Subject) -> None:
        first = await bench.judge(CASE["LIVE-001"])
        bench.end()
        assert await bench.judge(CASE["CONT-006"]) == first
        assert running(temporary) == 0

    use("tiny:gone", act)


def test_what_a_window_showed_is_kept_and_so_is_a_healthy_server() -> None:
    async def act(bench: Subject) -> None:
        await bench.judge(CASE["LIVE-006"])
        assert bench._server is not None
        server, seen = bench._server, dict(bench.seen)
        assert server.ledger.taken == 1
        await bench.judge(CASE["LIVE-006"])
        assert bench._server is server
        assert server.ledger.taken == 1
        assert bench.seen == seen

    bench = use("tiny:app", act)
    assert bench.seen[COOPERATIVE].state is State.ALIVE
    assert bench.seen[COOPERATIVE].recovered


def test_a_server_on_which_a_loop_could_not_be_stopped_is_thrown_away(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(bench: Subject) -> None:
        await bench.ready()
        stubborn = bench._server
        monkeypatch.setattr(jobs_module, "LIMIT", 1.0)
        await bench.judge(CASE["LIVE-005"])
        assert running(temporary) == 0
        assert (await bench.judge(CASE["CONT-005"])).verdict is Outcome.PASSED
        assert bench._server is not stubborn
        assert bench._server is not None
        assert bench._server.ledger.taken == 0
        assert running(temporary) == 1
        looks = (*CASE["LIVE-005"].looks_at, *CASE["CONT-005"].looks_at)
        first, fresh = (bench._evidence[look][1] for look in looks)
        assert fresh is not first

    bench = use("tiny:app", act)
    assert not bench.seen[BACKGROUND].recovered


def test_a_remedy_that_a_target_does_not_say_it_has_is_not_applicable() -> None:
    bench = Subject("no.such:app", UVICORN, lacking(has=["background"]), Clock())
    assert asyncio.run(bench.judge(CASE["SPEED-007"])) == Judgement(
        Outcome.NOT_APPLICABLE, "the target does not say that it has 'process'"
    )


# Ends: no server of the bench's own is started for them.


def ends(
    monkeypatch: pytest.MonkeyPatch, found: dict[Shutdown, ShutdownTimes | TargetError]
) -> tuple[Subject, list[Shutdown]]:
    """A bench whose servers end so, and the lives that it watched."""
    watched: list[Shutdown] = []

    async def watch_ends(_: ServerKind, __: str, life: Shutdown) -> ShutdownTimes:
        watched.append(life)
        ended = found[life]
        if isinstance(ended, TargetError):
            raise ended
        return ended

    monkeypatch.setattr(bench_module, "watch_ends", watch_ends)
    return Subject("no.such:app", UVICORN, frozenset(), Clock()), watched


def test_an_end_is_judged_beside_its_control_and_watched_once(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    found = {Shutdown(): GONE, Shutdown("background"): STUCK, Shutdown("process"): GONE}
    bench, watched = ends(monkeypatch, {**found})
    stuck, gone, again = (
        asyncio.run(bench.judge(CASE[case])) for case in ("EXITS-001", "EXITS-007", "EXITS-001")
    )
    assert (stuck.verdict, gone.verdict) == (Outcome.FAILED, Outcome.PASSED)
    assert "after SIGTERM not all was gone: 2 were there." in stuck.message
    assert stuck.measured == {"SIGTERM": None, "SIGINT": 0.25}
    assert gone == Judgement(Outcome.PASSED, measured={"SIGTERM": 0.5, "SIGINT": 0.25})
    assert again == stuck
    assert sorted(life.remedy for life in watched) == ["", "background", "process"]
    assert running(temporary) == 0


def test_what_is_not_judged_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, _ = ends(monkeypatch, {Shutdown("normal", recommended=False): STUCK})
    assert asyncio.run(bench.judge(CASE["DEFAULTS-003"])) == Judgement(
        Outcome.RECORDED, measured={"SIGTERM": None, "SIGINT": 0.25}
    )


def test_a_life_that_could_not_begin_is_an_error_of_its_cases_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failure = TargetError("no.such:app: POST /process started no loop")
    bench, watched = ends(
        monkeypatch, {Shutdown(): GONE, Shutdown("normal"): GONE, Shutdown("process"): failure}
    )
    error = Judgement(Outcome.ERROR, str(failure))
    for case in ("EXITS-007", "EXITS-007"):
        assert asyncio.run(bench.judge(CASE[case])) == error
    assert asyncio.run(bench.judge(CASE["EXITS-003"])).verdict is Outcome.PASSED
    assert watched.count(Shutdown("process")) == 1
