"""The tables of promises and remedies agree with the contract, and make the windows of each."""

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
from asgi_liveness.conformance.promises import (
    AT_ONCE,
    BESIDE,
    LEAVE_LIMIT,
    PROMISES,
    QUIET,
    REMEDIES,
    SHOWN,
    Promise,
    Remedy,
    Shutdown,
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
def test_a_promise_is_a_family_of_cases_with_a_number_for_each_remedy(promise: Promise) -> None:
    cases = [case for case in CASES if case.promise == promise.name]
    assert [case.id for case in cases] == [f"{promise.family}-{n:03}" for n in range(1, 9)]
    assert [case.remedy for case in cases] == [remedy.name for remedy in REMEDIES]
    assert {case.ends_servers for case in cases} == {promise.name in {"exits", "defaults"}}
    for case in cases:
        assert case.remedy in case.needs


def test_the_first_promise_has_a_case_of_the_first_family_for_each_remedy() -> None:
    cases = [case for case in CASES if case.promise == "live"]
    assert sorted(case.remedy for case in cases) == sorted(NAMES)
    assert {case.id.partition("-")[0] for case in cases} == {PROMISES[0].family}


@remedies
def test_a_remedy_is_started_at_a_route_of_the_contract(remedy: Remedy) -> None:
    assert contract.route(remedy.path).path == f"/{remedy.name}"


# The windows.


@remedies
@pytest.mark.parametrize(
    ("make", "jobs", "at_once", "then"),
    [
        (promises.pool, AT_ONCE, True, Then.NOTHING),
        (promises.leaves, 1, False, Then.LEAVE),
        (promises.gil, BESIDE, True, Then.NOTHING),
        (promises.errors, 1, False, Then.FAIL),
    ],
    ids=["pool", "leaves", "gil", "errors"],
)
def test_a_window_of_a_remedy(
    make: Callable[[Remedy], Window], jobs: int, then: Then, remedy: Remedy, *, at_once: bool
) -> None:
    window = make(remedy)
    assert window.jobs == (f"/{remedy.name}",) * jobs
    assert (window.at_once, window.then, window.must_be) == (at_once, then, State.ALIVE)
    assert window.remedy == remedy.name
    assert remedy.name in window.needs


def test_no_two_windows_have_the_same_title() -> None:
    make = (promises.pool, promises.leaves, promises.gil, promises.errors)
    windows = [QUIET, *SHOWN, *(one(remedy) for one in make for remedy in REMEDIES)]
    assert len({window.title for window in windows}) == len(windows)


def test_the_contracts_windows_are_shown_first_and_each_remedy_once() -> None:
    assert SHOWN[: len(WINDOWS)] == WINDOWS
    for remedy in REMEDIES:
        assert SHOWN.count(promises.live(remedy)) == 1


def test_more_are_started_at_once_than_any_pool_of_threads_has() -> None:
    anyio, asyncio = 40, 32
    assert max(anyio, asyncio) < AT_ONCE


@remedies
def test_who_leaves_is_watched_for_as_long_as_the_loop_may_take(remedy: Remedy) -> None:
    window = promises.leaves(remedy)
    assert window.probes * window.interval == pytest.approx(LEAVE_LIMIT)


@remedies
def test_probes_beside_many_are_those_at_rest(remedy: Remedy) -> None:
    window = promises.gil(remedy)
    assert (window.paths, window.probes) == (QUIET.paths, QUIET.probes)
    assert (window.interval, QUIET.jobs) == (QUIET.interval, ())


@pytest.mark.parametrize(
    ("life", "needs"),
    [(Shutdown(), frozenset()), (Shutdown("process", recommended=False), frozenset({"process"}))],
)
def test_a_life_needs_its_remedy(shutdown: Shutdown, needs: frozenset[str]) -> None:
    assert shutdown.needs == needs


# What a target lacks.


def test_who_says_nothing_lacks_all_remedies_and_no_feature() -> None:
    assert lacking() == NAMES


@pytest.mark.parametrize("has", [["background", "process"], ["process", "background", "process"]])
def test_what_a_target_has_it_does_not_lack(has: list[str]) -> None:
    assert lacking(["sync"], has) == SYNC | NAMES - {"background", "process"}


def test_who_has_all_lacks_nothing() -> None:
    assert lacking(has=NAMES) == frozenset()


@pytest.mark.parametrize(
    ("lacks", "has", "told"),
    [
        (["sync", "threads"], [], "nothing is called 'threads'; choose from: sync"),
        (["background"], [], "nothing is called 'background'; choose from: sync"),
        ([], ["sync"], f"nothing is called 'sync'; choose from: {', '.join(sorted(NAMES))}"),
        ([], ["process", ""], f"nothing is called ''; choose from: {', '.join(sorted(NAMES))}"),
    ],
)
def test_a_name_that_nothing_has_is_an_error(lacks: list[str], has: list[str], told: str) -> None:
    with pytest.raises(UsageError) as raised:
        lacking(lacks, has)
    assert str(raised.value) == told
