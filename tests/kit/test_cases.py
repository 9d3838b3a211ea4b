"""Every case can fail: each miniature fails just the cases that it says, for a reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from asgi_liveness import servers
from asgi_liveness.cases import CASES, RETIRED, Case
from asgi_liveness.contract import BACKGROUND, BLOCKING, State, Window
from asgi_liveness.runner import Runner
from asgi_liveness.servers import choose_servers
from asgi_liveness.verdict import Verdict
from tests.miniatures import MINIATURES

SERVERS = [kind.name for kind in servers.SERVERS]
IDS = {case.id for case in CASES}
FIRST_EDITION = {*(f"LIVE-{n:03}" for n in range(1, 12)), *(f"CONT-{n:03}" for n in range(1, 7))}


def judge(
    target: str, server: str = "uvicorn/asyncio", cases: Sequence[Case[Any]] = CASES
) -> Runner:
    with Runner([target], choose_servers([server]), cases) as runner:
        for cell in runner.cells:
            runner.judge(cell)
    return runner


@pytest.mark.parametrize("name", MINIATURES)
def test_a_miniature_fails_just_what_it_says(name: str) -> None:
    runner = judge(f"tests.miniatures:apps.{name}")
    told = {result.cell.case.id: result for result in runner.results}
    failed = {case for case, result in told.items() if result.verdict is Verdict.FAILED}
    others = {result.verdict for case, result in told.items() if case not in failed}
    assert failed == MINIATURES[name].fails, "\n".join(result.message for result in told.values())
    # Without its control a case is inconclusive: never a pass, never a failure.
    assert others == {Verdict.INCONCLUSIVE if "LIVE-001" in failed else Verdict.PASSED}


@pytest.mark.parametrize(
    ("name", "window"),
    [("background_that_starves", BACKGROUND), ("blocking_that_starves", BLOCKING)],
)
@pytest.mark.parametrize("server", SERVERS)
def test_a_starved_app_is_never_called_frozen(name: str, window: Window, server: str) -> None:
    cases = [case for case in CASES if case.looks_at == window]
    (bench,) = judge(f"tests.miniatures:apps.{name}", server, cases).benches.values()
    assert bench.seen[window].state is State.STARVED


@pytest.mark.parametrize(
    ("name", "case", "told"),
    [
        ("background_on_the_loop", "LIVE-009", "/cooperative could not start: a loop before it"),
        ("background_of_another_name", "LIVE-005", "made a step (loops seen: 'background')"),
        ("blocking_that_starves", "LIVE-002", "The loop is in a thread of its own, and yet"),
        ("cooperative_in_a_thread", "LIVE-006", "must step in the event loop's own thread"),
        ("ill_at_rest", "LIVE-001", "/hello-sync answered 503."),
    ],
)
def test_a_failure_names_what_is_wrong(name: str, case: str, told: str) -> None:
    cases = [one for one in CASES if one.id == case]
    (result,) = judge(f"tests.miniatures:apps.{name}", cases=cases).results
    assert result.verdict is Verdict.FAILED
    assert told in result.message


@pytest.mark.parametrize("server", SERVERS)
def test_an_app_of_no_framework_passes(server: str) -> None:
    runner = judge("tests.bare_app:app", server)
    assert {result.verdict for result in runner.results} == {Verdict.PASSED}


def test_every_case_is_failed_by_a_miniature() -> None:
    assert set().union(*(miniature.fails for miniature in MINIATURES.values())) == IDS


def test_ids_are_append_only() -> None:
    assert len(CASES) == len(IDS)
    assert not IDS & RETIRED
    assert FIRST_EDITION <= IDS | RETIRED


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_says_what_it_does_what_it_must_see_and_why(case: Case[Any]) -> None:
    assert all((*case.text, case.fix))
