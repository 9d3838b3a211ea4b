"""A subject keeps the results of its experiments, and judges cases by them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.conformance import load as load_module
from asgi_liveness.conformance import subject as subject_module
from asgi_liveness.conformance.cases import CASES
from asgi_liveness.conformance.clock import Clock
from asgi_liveness.conformance.contract import BACKGROUND, COOPERATIVE, State
from asgi_liveness.conformance.endings import Shutdown, ShutdownTimes
from asgi_liveness.conformance.outcome import Judgement, Outcome
from asgi_liveness.conformance.promises import lacking
from asgi_liveness.conformance.subject import Subject
from asgi_liveness.errors import TargetError
from asgi_liveness.serving.servers import SERVERS, ServerKind

UVICORN = SERVERS[0]
CASE = {case.id: case for case in CASES}
EXITED = ShutdownTimes({"SIGTERM": 0.5, "SIGINT": 0.25}, {"SIGTERM": "", "SIGINT": ""})
STUCK = ShutdownTimes({"SIGTERM": None, "SIGINT": 0.25}, {"SIGTERM": "2 were left", "SIGINT": ""})

pytestmark = pytest.mark.usefixtures("temporary")


def running(temporary: Path) -> int:
    """Return the number of running servers; each has a folder while it runs."""
    return len(list(temporary.iterdir()))


def use(target: str, act: Callable[[Subject], Any]) -> Subject:
    """Let *act*, a coroutine function, use a subject of *target*; then end the subject."""
    subject = Subject(target, UVICORN, frozenset())
    try:
        asyncio.run(act(subject))
    finally:
        subject.end()
    return subject


def test_the_clock_also_counts_a_part_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    ticks = iter([10.0, 12.5, 20.0, 21.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
    with clock.counting("windows"):
        pass
    with pytest.raises(KeyError), clock.counting("windows"):
        raise KeyError
    assert (clock.starts, clock.windows) == (0.0, 3.5)


@pytest.mark.parametrize("case", ["CONT-002", "LIVE-007", "LIVE-009"])
def test_a_case_that_needs_a_lacking_feature_starts_no_server(case: str) -> None:
    subject = Subject("no.such:app", UVICORN, frozenset({"sync"}))
    assert asyncio.run(subject.judge(CASE[case])) == Judgement(
        Outcome.NOT_APPLICABLE,
        "the target lacks synchronous handlers (a plain `def`)",
    )


@pytest.mark.servers
def test_a_target_that_did_not_start_is_not_started_again(temporary: Path) -> None:
    async def act(subject: Subject) -> None:
        first = await subject.judge(CASE["LIVE-001"])
        subject.end()
        assert await subject.judge(CASE["CONT-006"]) == first
        assert running(temporary) == 0

    use("tiny:gone", act)


@pytest.mark.servers
def test_observations_and_healthy_servers_are_kept() -> None:
    async def act(subject: Subject) -> None:
        await subject.judge(CASE["LIVE-006"])
        assert subject._server is not None
        server, observations = subject._server, dict(subject.observations)
        assert server.ledger.taken == 1
        await subject.judge(CASE["LIVE-006"])
        assert subject._server is server
        assert server.ledger.taken == 1
        assert subject.observations == observations

    subject = use("tiny:app", act)
    assert subject.observations[COOPERATIVE].state is State.ALIVE
    assert subject.observations[COOPERATIVE].recovered


@pytest.mark.servers
def test_a_server_whose_loop_did_not_stop_is_replaced(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(subject: Subject) -> None:
        await subject.ready()
        stubborn = subject._server
        monkeypatch.setattr(load_module, "LIMIT", 1.0)
        await subject.judge(CASE["LIVE-005"])
        assert running(temporary) == 0
        assert (await subject.judge(CASE["CONT-005"])).outcome is Outcome.PASSED
        assert subject._server is not stubborn
        assert subject._server is not None
        assert subject._server.ledger.taken == 0
        assert running(temporary) == 1
        experiments = (*CASE["LIVE-005"].experiments, *CASE["CONT-005"].experiments)
        first, fresh = (subject._results[experiment][1] for experiment in experiments)
        assert fresh is not first

    subject = use("tiny:app", act)
    assert not subject.observations[BACKGROUND].recovered


LATE = "a probe left 900 ms late"


@pytest.mark.servers
@pytest.mark.parametrize(
    ("busy", "failures", "outcome"),
    [
        ((LATE, ""), ("it froze", None), Outcome.PASSED),
        ((LATE, ""), ("it froze", "it froze"), Outcome.FAILED),
        ((LATE, LATE, LATE), ("it froze", "it froze", "it froze"), Outcome.INCONCLUSIVE),
        (("",), ("it froze",), Outcome.FAILED),
        ((LATE,), (None,), Outcome.PASSED),
    ],
)
def test_a_case_that_the_machine_was_too_busy_for_is_measured_again(
    busy: tuple[str, ...],
    failures: tuple[str | None, ...],
    outcome: Outcome,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claims = list(failures)

    def too_busy(*_: object, **__: object) -> str:
        return busy[len(failures) - len(claims) - 1]

    monkeypatch.setattr(subject_module, "too_busy", too_busy)
    monkeypatch.setattr(subject_module, "_PAUSES", (0.0, 0.0))
    case = replace(CASE["CONT-005"], claim=lambda _: claims.pop(0))

    async def act(subject: Subject) -> None:
        judgement = await subject.judge(case)
        assert judgement.outcome is outcome
        repeated = len(failures) > 1 and outcome is Outcome.PASSED
        assert ("so this was measured again" in judgement.message) is repeated
        assert claims == []

    use("tiny:app", act)


def test_an_undeclared_remedy_is_not_applicable() -> None:
    subject = Subject("no.such:app", UVICORN, lacking(has=["background"]))
    assert asyncio.run(subject.judge(CASE["SPEED-007"])) == Judgement(
        Outcome.NOT_APPLICABLE, "the target does not declare the remedy 'process'"
    )


# Shutdowns: these tests start no server for them.


def shutting_down(
    monkeypatch: pytest.MonkeyPatch,
    results: dict[Shutdown, ShutdownTimes | TargetError],
    kind: ServerKind = UVICORN,
) -> tuple[Subject, list[Shutdown]]:
    """Return a subject whose shutdowns have these results, and the shutdowns that it watched."""
    watched: list[Shutdown] = []

    async def watch_shutdown(
        _: ServerKind, __: str, shutdown: Shutdown, *___: object
    ) -> ShutdownTimes:
        watched.append(shutdown)
        result = results[shutdown]
        if isinstance(result, TargetError):
            raise result
        return result

    monkeypatch.setattr(subject_module, "watch_shutdown", watch_shutdown)
    return Subject("no.such:app", kind, frozenset()), watched


def test_a_shutdown_is_judged_with_its_control_and_watched_once(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    results = {Shutdown(): EXITED, Shutdown("background"): STUCK, Shutdown("process"): EXITED}
    subject, watched = shutting_down(monkeypatch, {**results})
    stuck, exited, again = (
        asyncio.run(subject.judge(CASE[case])) for case in ("EXITS-001", "EXITS-007", "EXITS-001")
    )
    assert (stuck.outcome, exited.outcome) == (Outcome.FAILED, Outcome.PASSED)
    assert "after SIGTERM the server still ran: 2 were left." in stuck.message
    assert stuck.measured == {"SIGTERM": None, "SIGINT": 0.25}
    assert exited == Judgement(Outcome.PASSED, measured={"SIGTERM": 0.5, "SIGINT": 0.25})
    assert again == stuck
    assert sorted(shutdown.remedy for shutdown in watched) == ["", "background", "process"]
    assert running(temporary) == 0


def test_a_promise_that_is_not_judged_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, _ = shutting_down(monkeypatch, {Shutdown("normal", recommended=False): STUCK})
    assert asyncio.run(subject.judge(CASE["DEFAULTS-003"])) == Judgement(
        Outcome.RECORDED, measured={"SIGTERM": None, "SIGINT": 0.25}
    )


def test_a_failed_shutdown_is_an_error_of_its_own_cases_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failure = TargetError("no.such:app: POST /process started no loop")
    subject, watched = shutting_down(
        monkeypatch, {Shutdown(): EXITED, Shutdown("normal"): EXITED, Shutdown("process"): failure}
    )
    error = Judgement(Outcome.ERROR, str(failure))
    for case in ("EXITS-007", "EXITS-007"):
        assert asyncio.run(subject.judge(CASE[case])) == error
    assert asyncio.run(subject.judge(CASE["EXITS-003"])).outcome is Outcome.PASSED
    assert watched.count(Shutdown("process")) == 1


def test_a_server_without_recommended_settings_is_shut_down_once_for_both_promises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    results = {Shutdown(): EXITED, Shutdown("normal"): STUCK}
    subject, watched = shutting_down(monkeypatch, {**results}, SERVERS[-1])
    exits, defaults = (
        asyncio.run(subject.judge(CASE[case])) for case in ("EXITS-003", "DEFAULTS-003")
    )
    assert (exits.outcome, defaults.outcome) == (Outcome.FAILED, Outcome.RECORDED)
    assert exits.measured == defaults.measured
    assert watched.count(Shutdown("normal")) == 1
