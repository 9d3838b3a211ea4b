"""The contract's tables agree with each other, with the cases and with the windows."""

from __future__ import annotations

import subprocess
import sys

import pytest

from asgi_liveness.conformance import contract, promises
from asgi_liveness.conformance.cases import CASES, Case
from asgi_liveness.conformance.contract import (
    MAX_OUTSTANDING,
    ROUTES,
    SYNC,
    WINDOWS,
    Exchange,
    Route,
    State,
    Window,
)
from asgi_liveness.conformance.endings import Handover, Shutdown
from asgi_liveness.conformance.promises import GIL_CONTROL, SHOWN

REMEDIES = {remedy.name for remedy in promises.REMEDIES}
windows = pytest.mark.parametrize("window", SHOWN, ids=lambda window: window.title)


def test_every_method_of_a_path_has_one_route() -> None:
    assert len({(row.method, row.path) for row in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.method} {row.path}")
def test_a_plain_def_route_needs_the_sync_feature(row: Route) -> None:
    assert row.needs - REMEDIES == (SYNC if row.handler == "plain `def`" else frozenset())


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.method} {row.path}")
def test_a_remedys_route_needs_its_remedy(row: Route) -> None:
    later = ROUTES.index(row) >= ROUTES.index(contract.route("/offloaded"))
    assert row.needs & REMEDIES == ({row.path.split("/")[1]} if later else frozenset())


def test_every_need_is_a_feature_or_a_remedy() -> None:
    needs = frozenset().union(*(row.needs for row in ROUTES))
    assert contract.FEATURES.keys() <= needs <= contract.FEATURES.keys() | REMEDIES


def test_a_path_names_its_route_that_starts_a_loop() -> None:
    firsts = {row.path: row for row in reversed(ROUTES)}
    assert {path: contract.route(path) for path in firsts} == firsts
    for path in ("/supervised", "/process"):
        assert contract.route(path).method == "POST"


def test_a_path_without_a_route_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="/nowhere"):
        contract.route("/nowhere")


def test_the_table_has_all_windows_of_the_module_in_order() -> None:
    assert [row for row in vars(contract).values() if isinstance(row, Window)] == list(WINDOWS)


def test_window_titles_are_unique() -> None:
    assert len({window.title for window in WINDOWS}) == len(WINDOWS)


@windows
def test_loads_and_probed_paths_are_routes(window: Window) -> None:
    assert {*window.load, *window.paths} <= {row.path for row in ROUTES}


@windows
def test_probed_paths_respond_at_once_and_loads_do_not(window: Window) -> None:
    fixed = {row.path for row in ROUTES if row.response == {"Hello": "World"}}
    assert set(window.paths) <= fixed
    assert not set(window.load) & fixed


@windows
def test_only_the_two_defects_must_freeze(window: Window) -> None:
    frozen = set(window.load) & {"/blocking", "/background-async"}
    assert window.must_be is (State.FROZEN if frozen else State.ALIVE)


def test_every_loop_has_a_window_of_its_own() -> None:
    alone = [window.load[0] for window in SHOWN if window.title in window.load]
    loops = {row.path for row in ROUTES if row.response != {"Hello": "World"}}
    assert sorted(alone) == sorted(path for path in loops if "{" not in path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_has_only_experiments_of_the_tables(case: Case) -> None:
    for experiment in case.experiments:
        if isinstance(experiment, Window) and experiment.remedy:
            assert experiment.remedy == case.remedy
            assert set(experiment.load) == {f"/{case.remedy}"}
        elif isinstance(experiment, Shutdown | Handover):
            assert experiment.remedy in ("", case.remedy)
        else:
            assert isinstance(experiment, Exchange) or experiment in (*SHOWN, GIL_CONTROL)


@pytest.mark.parametrize(
    ("load", "needs"),
    [
        ((), frozenset()),
        (("/blocking",), frozenset()),
        (("/normal",), SYNC),
        (("/background", "/normal"), SYNC),
        (("/supervised", "/normal"), SYNC | {"supervised"}),
    ],
)
def test_a_window_needs_the_features_of_its_load(
    load: tuple[str, ...], needs: frozenset[str]
) -> None:
    assert Window("any", load, State.ALIVE).needs == needs


def test_a_window_needs_its_remedy_and_the_features_of_its_paths() -> None:
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
def test_an_exchange_needs_the_features_of_its_route(
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
def test_no_window_has_too_many_outstanding_requests(window: Window) -> None:
    assert len(window.load) + window.probes * len(window.paths) <= MAX_OUTSTANDING
