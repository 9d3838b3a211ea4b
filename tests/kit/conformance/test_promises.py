"""The tables of promises and remedies agree with the contract, and make a window for each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from asgi_liveness.conformance import contract, promises
from asgi_liveness.conformance.cases import CASES
from asgi_liveness.conformance.contract import (
    FEATURES,
    SYNC,
    WINDOWS,
    State,
    Then,
    Window,
)
from asgi_liveness.conformance.endings import Shutdown
from asgi_liveness.conformance.promises import (
    AT_ONCE,
    DISCONNECT_LIMIT,
    GIL_CONTROL,
    LOOPS_TOGETHER,
    PROMISES,
    REMEDIES,
    SHOWN,
    Promise,
    Remedy,
    lacking,
)
from asgi_liveness.errors import UsageError

NAMES = {remedy.name for remedy in REMEDIES}
remedies = pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.name)


def test_names_are_unique() -> None:
    assert len({promise.name for promise in PROMISES}) == len(PROMISES)
    assert len(NAMES) == len(REMEDIES)
    assert not NAMES & FEATURES.keys()


@pytest.mark.parametrize("promise", PROMISES[1:], ids=lambda promise: promise.name)
def test_a_promise_has_a_case_for_each_remedy(promise: Promise) -> None:
    cases = [case for case in CASES if case.promise == promise.name]
    of_remedies = {
        f"{promise.family}-{number:03}": remedy.name
        for number, remedy in enumerate(REMEDIES, start=1)
        if promise.only in {"", remedy.name}
    }
    assert {case.id: case.remedy for case in cases} == of_remedies
    ends_servers = {"exits", "defaults", "outlives", "lost"}
    assert {case.ends_servers for case in cases} == {promise.name in ends_servers}
    for case in cases:
        assert case.remedy in case.needs


def test_a_promise_of_one_remedy_says_why_no_other_keeps_it() -> None:
    for promise in PROMISES:
        assert bool(promise.only) is bool(promise.nature)
        assert promise.only in NAMES | {""}
        assert promise.nature in promise.text


def test_the_first_promise_has_a_live_case_for_each_remedy() -> None:
    cases = [case for case in CASES if case.promise == "live"]
    assert sorted(case.remedy for case in cases) == sorted(NAMES)
    assert {case.id.partition("-")[0] for case in cases} == {PROMISES[0].family}


@remedies
def test_a_remedy_starts_at_a_route_of_the_contract(remedy: Remedy) -> None:
    assert contract.route(remedy.path).path == f"/{remedy.name}"


# The windows.


@remedies
@pytest.mark.parametrize(
    ("make", "loops", "at_once", "then"),
    [
        (promises.pool, AT_ONCE, True, Then.NOTHING),
        (promises.leaves, 1, False, Then.DISCONNECT),
        (promises.gil, LOOPS_TOGETHER, True, Then.NOTHING),
        (promises.errors, 1, False, Then.FAIL),
    ],
    ids=["pool", "leaves", "gil", "errors"],
)
def test_a_remedys_window_has_its_load_and_its_event(
    make: Callable[[Remedy], Window], loops: int, then: Then, remedy: Remedy, *, at_once: bool
) -> None:
    window = make(remedy)
    assert window.load == (f"/{remedy.name}",) * loops
    assert (window.at_once, window.then, window.must_be) == (at_once, then, State.ALIVE)
    assert window.remedy == remedy.name
    assert remedy.name in window.needs


def test_window_titles_are_unique() -> None:
    make = (promises.pool, promises.leaves, promises.gil, promises.errors)
    windows = [GIL_CONTROL, *SHOWN, *(window(remedy) for window in make for remedy in REMEDIES)]
    assert len({window.title for window in windows}) == len(windows)


def test_the_report_shows_each_remedy_once_after_the_contracts_windows() -> None:
    assert SHOWN[: len(WINDOWS)] == WINDOWS
    for remedy in REMEDIES:
        assert SHOWN.count(promises.live(remedy)) == 1


def test_more_loops_start_at_once_than_a_thread_pool_has_threads() -> None:
    anyio, asyncio = 40, 32
    assert max(anyio, asyncio) < AT_ONCE


@remedies
def test_probes_last_until_the_limit_after_a_disconnect(remedy: Remedy) -> None:
    window = promises.leaves(remedy)
    assert window.probes * window.interval == pytest.approx(DISCONNECT_LIMIT)


@remedies
def test_the_probes_of_gil_are_those_of_its_control(remedy: Remedy) -> None:
    window = promises.gil(remedy)
    assert (window.paths, window.probes) == (GIL_CONTROL.paths, GIL_CONTROL.probes)
    assert (window.interval, GIL_CONTROL.load) == (GIL_CONTROL.interval, ())


@pytest.mark.parametrize(
    ("shutdown", "needs"),
    [(Shutdown(), frozenset()), (Shutdown("process", recommended=False), frozenset({"process"}))],
)
def test_a_shutdown_needs_its_remedy(shutdown: Shutdown, needs: frozenset[str]) -> None:
    assert shutdown.needs == needs


# The names that a target lacks.


def test_a_target_without_declarations_lacks_all_remedies() -> None:
    assert lacking() == NAMES


@pytest.mark.parametrize("has", [["background", "process"], ["process", "background", "process"]])
def test_a_declared_remedy_is_not_lacking(has: list[str]) -> None:
    assert lacking(["sync"], has) == SYNC | NAMES - {"background", "process"}


def test_a_target_with_all_remedies_lacks_nothing() -> None:
    assert lacking(has=NAMES) == frozenset()


@pytest.mark.parametrize(
    ("lacks", "has", "message"),
    [
        (["sync", "threads"], [], "nothing is called 'threads'; choose from: sync"),
        (["background"], [], "nothing is called 'background'; choose from: sync"),
        ([], ["sync"], f"nothing is called 'sync'; choose from: {', '.join(sorted(NAMES))}"),
        ([], ["process", ""], f"nothing is called ''; choose from: {', '.join(sorted(NAMES))}"),
    ],
)
def test_an_unknown_name_is_an_error(lacks: list[str], has: list[str], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        lacking(lacks, has)
    assert str(raised.value) == message
