"""Every case can fail: each miniature fails exactly the cases that its row lists."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest

from asgi_liveness.conformance import handover as handover_module
from asgi_liveness.conformance import load as load_module
from asgi_liveness.conformance import shutdown as shutdown_module
from asgi_liveness.conformance import window as window_module
from asgi_liveness.conformance.cases import CASES, RETIRED, Case, promised
from asgi_liveness.conformance.contract import (
    BACKGROUND,
    BLOCKING,
    Exchange,
    State,
    Window,
)
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.promises import PROMISES, REMEDIES, lacking
from asgi_liveness.conformance.runner import Runner
from asgi_liveness.errors import UsageError
from asgi_liveness.serving.servers import SERVERS, ServerKind
from tests.apps.bare_remedies import VARIANTS
from tests.apps.miniatures import MINIATURES

IDS = {case.id for case in CASES}
FIRST_EDITION = {*(f"LIVE-{n:03}" for n in range(1, 12)), *(f"CONT-{n:03}" for n in range(1, 7))}
SECOND_EDITION = {
    *(f"LIVE-{n:03}" for n in range(12, 16)),
    *(f"{row.family}-{n:03}" for row in PROMISES[1:] if not row.only for n in range(1, 8)),
}
THIRD_EDITION = {
    "LIVE-016",
    *(f"{row.family}-008" for row in PROMISES[1:] if not row.only),
}
FOURTH_EDITION = {f"CONT-{n:03}" for n in range(7, 11)}
FIFTH_EDITION = {
    *("LIVE-017", "CONT-011", "CONT-012"),
    *(f"{row.family}-009" for row in PROMISES[1:]),
}
WORKER = (sys.executable, "-m", "asgi_liveness.queued")
FIRST = [case for case in CASES if case.id in FIRST_EDITION]
ONLY_RECORDED = {case.id for case in CASES if case.promise in ("speed", "defaults")}
HAS_ALL = lacking(has=[remedy.name for remedy in REMEDIES])
MESSAGES = {
    "background_on_the_loop": {"LIVE-009": "/background froze it before /cooperative could start."},
    "background_of_another_name": {"LIVE-005": "made a step (loops that did: 'background')"},
    "blocking_that_starves": {"LIVE-002": "The loop runs in a thread of its own, and yet"},
    "cooperative_in_a_thread": {"LIVE-006": "must step in the event loop's own thread"},
    "unhealthy": {"LIVE-001": "/hello-sync answered 503."},
}
"""A part of the message that each failure must have, by miniature and case."""
ALWAYS = ("LIVE-001", "CONT-005")  # the control, and a request after all windows
FEWER = 12  # loops at once, of which eight may run
# The server cuts open requests off after one second instead of three, to save time.
IMPATIENT = replace(SERVERS[0], recommended=("--timeout-graceful-shutdown", "1"))


def judge(
    target: str,
    kind: ServerKind = SERVERS[0],
    cases: Sequence[Case] = FIRST,
    lacks: frozenset[str] = lacking(),
    fails: frozenset[str] = frozenset(),
) -> Runner:
    """Judge the cases, with shorter limits for experiments of cases that must fail.

    Such an experiment waits for an event that never comes, so a shorter wait shows the same.
    """
    failing = {experiment for case in cases if case.id in fails for experiment in case.experiments}
    patience = 0.5 if {case.id for case in cases} <= fails else 1.5
    with Runner([target], [kind], cases, lacks=lacks, worker=WORKER) as runner:
        for cell in runner.cells:
            with pytest.MonkeyPatch.context() as patch:
                if failing.intersection(cell.case.experiments):
                    patch.setattr(shutdown_module, "EXIT_LIMIT", 1.0)
                    patch.setattr(shutdown_module, "SIGNALS", ("SIGTERM",))
                    patch.setattr(handover_module, "EXIT_LIMIT", 1.0)
                    patch.setattr(handover_module, "LOST_LIMIT", 1.0)
                    patch.setattr(window_module, "ALIVE_CAP", 1.0)
                    patch.setattr(load_module, "LIMIT", patience)
                    patch.setattr(load_module, "NO_PROGRESS_LIMIT", 0.5)
                runner.judge(cell)
    return runner


def failed(runner: Runner) -> set[str]:
    """Return the ids of the failed cases."""
    return {row.cell.case.id for row in runner.results if row.outcome is Outcome.FAILED}


def cases_of(*families: str) -> list[Case]:
    return [case for case in CASES if case.id.partition("-")[0] in families]


def shortened(case: Case) -> Case:
    """Return the case with fewer loops and probes, which still show the defect."""
    experiments = (
        replace(
            experiment,
            load=experiment.load[:FEWER],
            probes=min(experiment.probes, 10),
            interval=0.02,
        )
        if isinstance(experiment, Window)
        else experiment
        for experiment in case.experiments
    )
    return replace(case, experiments=tuple(experiments))


def concerned(case: Case, routes: frozenset[str]) -> bool:
    """Return whether the case uses one of *routes*; without routes, all cases do."""
    used = set[str]()
    for experiment in case.experiments:
        if isinstance(experiment, Window):
            used |= {*experiment.load, *experiment.paths}
        elif isinstance(experiment, Exchange):
            used.add(experiment.path)
    return not routes or bool(routes & used)


def messages(runner: Runner) -> str:
    return "\n".join(f"{row.cell.case.id} {row.outcome}: {row.message}" for row in runner.results)


@pytest.mark.servers
@pytest.mark.parametrize("name", MINIATURES)
def test_a_miniature_fails_exactly_its_cases(name: str) -> None:
    wrong = MINIATURES[name]
    cases = [case for case in FIRST if concerned(case, wrong.changes) or case.id in ALWAYS]
    runner = judge(f"tests.apps.miniatures:apps.{name}", cases=cases, fails=wrong.fails)
    results = {result.cell.case.id: result for result in runner.results}
    others = {result.outcome for case, result in results.items() if case not in failed(runner)}
    assert failed(runner) == wrong.fails, messages(runner)
    # Without its control a case is inconclusive, never passed or failed.
    assert others == {Outcome.INCONCLUSIVE if "LIVE-001" in failed(runner) else Outcome.PASSED}
    for case, words in MESSAGES.get(name, {}).items():
        assert words in results[case].message


@pytest.mark.servers
@pytest.mark.parametrize("name", VARIANTS)
def test_a_wrong_variant_fails_exactly_its_cases(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = VARIANTS[name]
    monkeypatch.setattr(promised, "AT_ONCE", FEWER)
    cases = [shortened(case) for case in cases_of(*wrong.families)]
    runner = judge(
        f"tests.apps.bare_remedies:apps.{name}", cases=cases, lacks=HAS_ALL, fails=wrong.fails
    )
    assert failed(runner) == wrong.fails, messages(runner)
    assert wrong.message in messages(runner)
    assert {row.outcome for row in runner.results} <= {Outcome.FAILED, Outcome.PASSED}


@pytest.mark.servers
def test_a_job_that_blocks_is_one_failure() -> None:
    cases = [case for case in CASES if case.remedy == "supervised"]
    runner = judge(
        "tests.apps.bare_remedies:apps.a_job_blocks",
        cases=cases,
        lacks=HAS_ALL,
        fails=frozenset({"LIVE-013"}),
    )
    assert failed(runner) == {"LIVE-013"}, messages(runner)
    (unknown,) = [row for row in runner.results if row.cell.case.id == "CONT-009"]
    others = [row for row in runner.results if row.cell.case.id != "LIVE-013"]
    assert {row.outcome for row in others} == {Outcome.INCONCLUSIVE}
    assert unknown.message == (
        "the loop of /supervised froze the app in LIVE-013, so this case shows nothing; mend that "
        "first: asgi-liveness explain LIVE-013"
    )


@pytest.mark.servers
@pytest.mark.parametrize(
    ("families", "fails"),
    [
        ("LIVE CONT SPEED", set()),
        # ASGI reports no disconnect after the response, so nothing can end this loop.
        ("POOL LEAVES", {"LEAVES-001"}),
        ("GIL ERRORS", set()),
        ("EXITS", set()),
        ("OUTLIVES LOST", set()),
    ],
)
def test_the_remedies_work_without_a_framework(
    families: str, fails: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The ratio of the waits depends on the machine, which runs other tests: any ratio will do.
    monkeypatch.setattr(promised, "GIL_LIMIT", 10**9)
    cases = [
        shortened(case) if case.promise == "gil" else case for case in cases_of(*families.split())
    ]
    runner = judge("tests.apps.bare_remedies:app", IMPATIENT, cases, HAS_ALL)
    assert failed(runner) == fails, messages(runner)
    for row in runner.results:
        if row.cell.case.id not in fails:
            recorded = row.cell.case.id in ONLY_RECORDED
            assert row.outcome is (Outcome.RECORDED if recorded else Outcome.PASSED), row.message


@pytest.mark.servers
@pytest.mark.parametrize(
    ("name", "window"),
    [("background_that_starves", BACKGROUND), ("blocking_that_starves", BLOCKING)],
)
@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.name)
def test_a_starved_app_is_never_reported_as_frozen(
    name: str, window: Window, kind: ServerKind
) -> None:
    cases = [case for case in FIRST if case.experiments == (window,)]
    fails = MINIATURES[name].fails
    (subject,) = judge(
        f"tests.apps.miniatures:apps.{name}", kind, cases, fails=fails
    ).subjects.values()
    assert subject.observations[window].state is State.STARVED


@pytest.mark.servers
@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.name)
def test_an_app_without_a_framework_passes(kind: ServerKind) -> None:
    runner = judge("examples.bare_asgi:app", kind)
    assert {result.outcome for result in runner.results} == {Outcome.PASSED}


def test_every_judged_case_is_failed_by_a_miniature() -> None:
    fails = [app.fails for app in MINIATURES.values()] + [app.fails for app in VARIANTS.values()]
    assert frozenset[str]().union(*fails) == IDS - ONLY_RECORDED
    judged = {promise.name for promise in PROMISES if promise.judged}
    assert {case.promise for case in CASES if case.id in ONLY_RECORDED}.isdisjoint(judged)


def test_ids_are_append_only() -> None:
    assert len(CASES) == len(IDS)
    assert not IDS & RETIRED
    editions = FIRST_EDITION | SECOND_EDITION | THIRD_EDITION | FOURTH_EDITION | FIFTH_EDITION
    assert editions <= IDS | RETIRED


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_has_its_claim_its_reason_and_its_advice(case: Case) -> None:
    assert all((*case.text, case.fix))


def test_a_case_without_docstrings_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CASES[0].claim, "__doc__", None)
    with pytest.raises(UsageError, match="unset PYTHONOPTIMIZE, and leave out -OO"):
        assert CASES[0].text
