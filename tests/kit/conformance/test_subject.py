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
from asgi_liveness.conformance.outcome import Outcome
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
    subject = Subject(target, UVICORN, frozenset(), Clock())
    try:
        asyncio.run(act(subject))
    finally:
        subject.end()
    return subject


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
    subject = Subject("no.such:app", UVICORN, frozenset({"sync"}), Clock())
    assert asyncio.run(subject.judge(CASE[case])) == Judgement(
        Outcome.NOT_APPLICABLE,
        "the target lacks synchronous handlers (a plain `def`)",
    )


@pytest.mark.servers
def test_a_target_that_did_not_come_up_is_not_started_again(temporary: Path) -> None:
    async def act(subject: Subject) -> None:
        first = await subject.judge(CASE["LIVE-001"])
        subject.end()
        assert await subject.judge(CASE["CONT-006"]) == first
        assert running(temporary) == 0

    use("tiny:gone", act)


@pytest.mark.servers
def test_what_a_window_showed_is_kept_and_so_is_a_healthy_server() -> None:
    async def act(subject: Subject) -> None:
        await subject.judge(CASE["LIVE-006"])
        assert subject._server is not None
        server, seen = subject._server, dict(subject.seen)
        assert server.ledger.taken == 1
        await subject.judge(CASE["LIVE-006"])
        assert subject._server is server
        assert server.ledger.taken == 1
        assert subject.seen == seen

    subject = use("tiny:app", act)
    assert subject.seen[COOPERATIVE].state is State.ALIVE
    assert subject.seen[COOPERATIVE].recovered


@pytest.mark.servers
def test_a_server_on_which_a_loop_could_not_be_stopped_is_thrown_away(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(subject: Subject) -> None:
        await subject.ready()
        stubborn = subject._server
        monkeypatch.setattr(jobs_module, "LIMIT", 1.0)
        await subject.judge(CASE["LIVE-005"])
        assert running(temporary) == 0
        assert (await subject.judge(CASE["CONT-005"])).verdict is Outcome.PASSED
        assert subject._server is not stubborn
        assert subject._server is not None
        assert subject._server.ledger.taken == 0
        assert running(temporary) == 1
        experiments = (*CASE["LIVE-005"].experiments, *CASE["CONT-005"].experiments)
        first, fresh = (subject._results[experiment][1] for experiment in experiments)
        assert fresh is not first

    subject = use("tiny:app", act)
    assert not subject.seen[BACKGROUND].recovered


def test_a_remedy_that_a_target_does_not_say_it_has_is_not_applicable() -> None:
    subject = Subject("no.such:app", UVICORN, lacking(has=["background"]), Clock())
    assert asyncio.run(subject.judge(CASE["SPEED-007"])) == Judgement(
        Outcome.NOT_APPLICABLE, "the target does not say that it has 'process'"
    )


# Ends: no server of the bench's own is started for them.


def ends(
    monkeypatch: pytest.MonkeyPatch, found: dict[Shutdown, ShutdownTimes | TargetError]
) -> tuple[Subject, list[Shutdown]]:
    """A bench whose servers end so, and the lives that it watched."""
    watched: list[Shutdown] = []

    async def watch_ends(_: ServerKind, __: str, shutdown: Shutdown) -> ShutdownTimes:
        watched.append(shutdown)
        ended = found[shutdown]
        if isinstance(ended, TargetError):
            raise ended
        return ended

    monkeypatch.setattr(bench_module, "watch_ends", watch_ends)
    return Subject("no.such:app", UVICORN, frozenset(), Clock()), watched


def test_an_end_is_judged_beside_its_control_and_watched_once(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    found = {Shutdown(): GONE, Shutdown("background"): STUCK, Shutdown("process"): GONE}
    subject, watched = ends(monkeypatch, {**found})
    stuck, gone, again = (
        asyncio.run(subject.judge(CASE[case])) for case in ("EXITS-001", "EXITS-007", "EXITS-001")
    )
    assert (stuck.verdict, gone.verdict) == (Outcome.FAILED, Outcome.PASSED)
    assert "after SIGTERM not all was gone: 2 were there." in stuck.message
    assert stuck.measured == {"SIGTERM": None, "SIGINT": 0.25}
    assert gone == Judgement(Outcome.PASSED, measured={"SIGTERM": 0.5, "SIGINT": 0.25})
    assert again == stuck
    assert sorted(shutdown.remedy for shutdown in watched) == ["", "background", "process"]
    assert running(temporary) == 0


def test_what_is_not_judged_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, _ = ends(monkeypatch, {Shutdown("normal", recommended=False): STUCK})
    assert asyncio.run(subject.judge(CASE["DEFAULTS-003"])) == Judgement(
        Outcome.RECORDED, measured={"SIGTERM": None, "SIGINT": 0.25}
    )


def test_a_life_that_could_not_begin_is_an_error_of_its_cases_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failure = TargetError("no.such:app: POST /process started no loop")
    subject, watched = ends(
        monkeypatch, {Shutdown(): GONE, Shutdown("normal"): GONE, Shutdown("process"): failure}
    )
    error = Judgement(Outcome.ERROR, str(failure))
    for case in ("EXITS-007", "EXITS-007"):
        assert asyncio.run(subject.judge(CASE[case])) == error
    assert asyncio.run(subject.judge(CASE["EXITS-003"])).verdict is Outcome.PASSED
    assert watched.count(Shutdown("process")) == 1
