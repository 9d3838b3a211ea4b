"""The contract's tables agree with each other and with what walks them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from asgi_liveness.conformance import contract, promises
from asgi_liveness.conformance.cases import CASES, Case
from asgi_liveness.conformance.contract import (
    MOST_OUTSTANDING,
    ROUTES,
    SYNC,
    WINDOWS,
    Exchange,
    Route,
    State,
    Window,
)
from asgi_liveness.conformance.promises import QUIET, SHOWN, Shutdown

REMEDIES = {remedy.name for remedy in promises.REMEDIES}
windows = pytest.mark.parametrize("window", SHOWN, ids=lambda window: window.title)


def test_every_method_of_a_path_is_there_once() -> None:
    assert len({(row.method, row.path) for row in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.method} {row.path}")
def test_a_plain_def_is_what_needs_the_sync_feature(row: Route) -> None:
    assert row.needs - REMEDIES == (SYNC if row.handler == "plain `def`" else frozenset())


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.method} {row.path}")
def test_from_offloaded_on_a_route_needs_the_remedy_that_it_is_of(row: Route) -> None:
    later = ROUTES.index(row) >= ROUTES.index(contract.route("/offloaded"))
    assert row.needs & REMEDIES == ({row.path.split("/")[1]} if later else frozenset())


def test_every_need_is_what_a_target_may_lack() -> None:
    needs = frozenset().union(*(row.needs for row in ROUTES))
    assert contract.FEATURES.keys() <= needs <= contract.FEATURES.keys() | REMEDIES


def test_a_route_is_found_by_its_path_the_one_that_starts_a_loop_first() -> None:
    firsts = {row.path: row for row in reversed(ROUTES)}
    assert {path: contract.route(path) for path in firsts} == firsts
    for path in ("/supervised", "/process"):
        assert contract.route(path).method == "POST"


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
    fixed = {row.path for row in ROUTES if row.response == {"Hello": "World"}}
    assert set(window.paths) <= fixed
    assert not set(window.jobs) & fixed


@windows
def test_only_the_two_defects_must_freeze(window: Window) -> None:
    frozen = set(window.jobs) & {"/blocking", "/background-async"}
    assert window.must_be is (State.FROZEN if frozen else State.ALIVE)


def test_every_loop_has_a_window_of_its_own() -> None:
    alone = [window.jobs[0] for window in SHOWN if window.title in window.jobs]
    loops = {row.path for row in ROUTES if row.response != {"Hello": "World"}}
    assert sorted(alone) == sorted(path for path in loops if "{" not in path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_looks_at_a_window_of_the_tables_a_life_or_makes_an_exchange(case: Case) -> None:
    for experiment in case.experiments:
        if isinstance(experiment, Window) and experiment.remedy:
            assert experiment.remedy == case.remedy
            assert set(experiment.jobs) == {f"/{case.remedy}"}
        elif isinstance(experiment, Shutdown):
            assert experiment.remedy in ("", case.remedy)
        else:
            assert isinstance(experiment, Exchange) or experiment in (*SHOWN, QUIET)


@pytest.mark.parametrize(
    ("jobs", "needs"),
    [
        ((), frozenset()),
        (("/blocking",), frozenset()),
        (("/normal",), SYNC),
        (("/background", "/normal"), SYNC),
        (("/supervised", "/normal"), SYNC | {"supervised"}),
    ],
)
def test_a_window_needs_what_its_jobs_need(jobs: tuple[str, ...], needs: frozenset[str]) -> None:
    assert Window("any", jobs, State.ALIVE).needs == needs


def test_a_window_needs_the_remedy_that_it_is_of_and_what_all_its_paths_need() -> None:
    window = Window("any", ("/cooperative",), State.ALIVE, ("/hello-sync",), remedy="cooperative")
    assert window.needs == SYNC | {"cooperative"}


@pytest.mark.parametrize(
    ("method", "path", "needs"),
    [
        ("GET", "/hello", frozenset()),
        ("GET", "/hello-sync", SYNC),
        ("POST", "/hello-sync", frozenset()),
        ("DELETE", "/process/{id}", frozenset({"process"})),
        ("GET", "/nowhere", frozenset()),
    ],
)
def test_an_exchange_needs_what_its_route_needs(
    method: str, path: str, needs: frozenset[str]
) -> None:
    assert Exchange(method, path).needs == needs


@pytest.mark.parametrize("module", ["contract", "promises", "observation"])
def test_a_pure_module_imports_no_event_loop_and_no_client(module: str) -> None:
    script = (
        f"import asgi_liveness.conformance.{module}, sys\n"
        "print(*{'asyncio', 'httpx'} & set(sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=10
    )
    assert ran.stdout == "\n"


@windows
def test_no_window_asks_more_at_once_than_the_client_can_bear(window: Window) -> None:
    assert len(window.jobs) + window.probes * len(window.paths) <= MOST_OUTSTANDING
