"""The contract's tables agree with each other and with what walks them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from asgi_liveness import contract
from asgi_liveness.cases import CASES, Case
from asgi_liveness.contract import (
    MOST_OUTSTANDING,
    ROUTES,
    SYNC,
    WINDOWS,
    Exchange,
    Route,
    State,
    Window,
)

windows = pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.title)


def test_every_path_is_there_once() -> None:
    assert len({row.path for row in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: row.path)
def test_a_plain_def_is_what_needs_the_sync_feature(row: Route) -> None:
    assert row.needs == (SYNC if row.handler == "plain `def`" else frozenset())


def test_every_need_is_a_feature_that_a_target_may_lack() -> None:
    assert frozenset().union(*(row.needs for row in ROUTES)) == contract.FEATURES.keys()


def test_a_route_is_found_by_its_path() -> None:
    assert [contract.route(row.path) for row in ROUTES] == list(ROUTES)


def test_a_path_without_a_route_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="/nowhere"):
        contract.route("/nowhere")


def test_every_window_of_the_module_is_in_the_table_in_its_order() -> None:
    assert [row for row in vars(contract).values() if isinstance(row, Window)] == list(WINDOWS)


def test_titles_are_unique() -> None:
    assert len({window.title for window in WINDOWS}) == len(WINDOWS)


@windows
def test_every_job_and_every_probed_path_is_a_route(window: Window) -> None:
    assert {*window.jobs, *window.paths} <= {row.path for row in ROUTES}


@windows
def test_a_probed_path_answers_at_once_and_a_job_does_not(window: Window) -> None:
    fixed = {row.path for row in ROUTES if row.answer == {"Hello": "World"}}
    assert set(window.paths) <= fixed
    assert not set(window.jobs) & fixed


@windows
def test_only_the_two_defects_must_freeze(window: Window) -> None:
    frozen = set(window.jobs) & {"/blocking", "/background-async"}
    assert window.must_be is (State.FROZEN if frozen else State.ALIVE)


def test_every_loop_has_a_window_of_its_own() -> None:
    alone = [window.jobs[0] for window in WINDOWS if window.title in window.jobs]
    assert sorted(alone) == sorted(row.path for row in ROUTES if row.answer != {"Hello": "World"})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_looks_at_a_window_of_the_table_or_makes_an_exchange(case: Case[Any]) -> None:
    assert isinstance(case.looks_at, Exchange) or case.looks_at in WINDOWS


@pytest.mark.parametrize(
    ("jobs", "needs"),
    [
        ((), frozenset()),
        (("/blocking",), frozenset()),
        (("/normal",), SYNC),
        (("/background", "/normal"), SYNC),
    ],
)
def test_a_window_needs_what_its_jobs_need(jobs: tuple[str, ...], needs: frozenset[str]) -> None:
    assert Window("any", jobs, State.ALIVE).needs == needs


@pytest.mark.parametrize(
    ("path", "needs"), [("/hello", frozenset()), ("/hello-sync", SYNC), ("/nowhere", frozenset())]
)
def test_an_exchange_needs_what_its_route_needs(path: str, needs: frozenset[str]) -> None:
    assert Exchange("POST", path).needs == needs


@pytest.mark.parametrize("module", ["contract", "verdict"])
def test_a_pure_module_imports_no_event_loop_and_no_client(module: str) -> None:
    script = (
        f"import asgi_liveness.{module}, sys; print(*{{'asyncio', 'httpx'}} & set(sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=10
    )
    assert ran.stdout == "\n"


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.title)
def test_no_window_asks_more_at_once_than_the_client_can_bear(window: Window) -> None:
    assert len(window.jobs) + window.probes * len(window.paths) <= MOST_OUTSTANDING
