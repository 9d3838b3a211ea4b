"""Every case can fail: each miniature fails just the cases that it says, for a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from asgi_liveness.conformance import load as jobs_module
from asgi_liveness.conformance import shutdown as ending
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
from asgi_liveness.serving.servers import SERVERS, ServerKind
from tests.apps.bare_remedies import VARIANTS
from tests.apps.miniatures import MINIATURES

IDS = {case.id for case in CASES}
FIRST_EDITION = {*(f"LIVE-{n:03}" for n in range(1, 12)), *(f"CONT-{n:03}" for n in range(1, 7))}
SECOND_EDITION = {
    *(f"LIVE-{n:03}" for n in range(12, 16)),
    *(f"{row.family}-{n:03}" for row in PROMISES if row.name != "live" for n in range(1, 8)),
}
THIRD_EDITION = {
    "LIVE-016",
    *(f"{row.family}-008" for row in PROMISES if row.name != "live"),
}
FIRST = [case for case in CASES if case.id in FIRST_EDITION]
ONLY_RECORDED = {case.id for case in CASES if case.promise in ("speed", "defaults")}
HAS_ALL = lacking(has=[remedy.name for remedy in REMEDIES])
TOLD = {
    "background_on_the_loop": {"LIVE-009": "/cooperative could not start: a loop before it"},
    "background_of_another_name": {"LIVE-005": "made a step (loops seen: 'background')"},
    "blocking_that_starves": {"LIVE-002": "The loop is in a thread of its own, and yet"},
    "cooperative_in_a_thread": {"LIVE-006": "must step in the event loop's own thread"},
    "ill_at_rest": {"LIVE-001": "/hello-sync answered 503."},
}
"""Part of the message: a failure names what is wrong."""
ALWAYS = ("LIVE-001", "CONT-005")  # the control, and whether all is well when all is over
FEWER = 12  # loops at once, where eight have room
# What is still open is cut off after a second, not three: that is how long it takes here.
IMPATIENT = replace(SERVERS[0], recommended=("--timeout-graceful-shutdown", "1"))


def judge(
    target: str,
    kind: ServerKind = SERVERS[0],
    cases: Sequence[Case] = FIRST,
    lacks: frozenset[str] = lacking(),
    fails: frozenset[str] = frozenset(),
) -> Runner:
    """Judge the cases; where one must fail, what it waits for is not waited for so long.

    It never comes, and is not there after a shorter time either.
    """
    vain = {experiment for case in cases if case.id in fails for experiment in case.experiments}
    patience = 0.5 if {case.id for case in cases} <= fails else 1.5
    with Runner([target], [kind], cases, lacks=lacks) as runner:
        for cell in runner.cells:
            with pytest.MonkeyPatch.context() as patch:
                if vain.intersection(cell.case.experiments):
                    patch.setattr(ending, "EXIT_LIMIT", 1.0)
                    patch.setattr(ending, "SIGNALS", ("SIGTERM",))
                    patch.setattr(window_module, "ALIVE_CAP", 0.5)
                    patch.setattr(jobs_module, "LIMIT", patience)
                    patch.setattr(jobs_module, "QUIET", 0.5)
                runner.judge(cell)
    return runner


def failed(runner: Runner) -> set[str]:
    return {row.cell.case.id for row in runner.results if row.verdict is Outcome.FAILED}


def of(*families: str) -> list[Case]:
    return [case for case in CASES if case.id.partition("-")[0] in families]


def shortened(case: Case) -> Case:
    """The case, with as much to look at as shows what is wrong: few loops too many, few probes."""
    experiments = (
        replace(
            experiment,
            jobs=experiment.jobs[:FEWER],
            probes=min(experiment.probes, 10),
            interval=0.02,
        )
        if isinstance(experiment, Window)
        else experiment
        for experiment in case.experiments
    )
    return replace(case, experiments=tuple(experiments))


def concerned(case: Case, routes: frozenset[str]) -> bool:
    """Whether the case looks at one of the routes; it does where none is named."""
    seen = set[str]()
    for experiment in case.experiments:
        if isinstance(experiment, Window):
            seen |= {*experiment.jobs, *experiment.paths}
        elif isinstance(experiment, Exchange):
            seen.add(experiment.path)
    return not routes or bool(routes & seen)


def messages(runner: Runner) -> str:
    return "\n".join(f"{row.cell.case.id} {row.verdict}: {row.message}" for row in runner.results)


@pytest.mark.servers
@pytest.mark.parametrize("name", MINIATURES)
def test_a_miniature_fails_just_what_it_says_and_why(name: str) -> None:
    wrong = MINIATURES[name]
    cases = [case for case in FIRST if concerned(case, wrong.changes) or case.id in ALWAYS]
    runner = judge(f"tests.apps.miniatures:apps.{name}", cases=cases, fails=wrong.fails)
    told = {result.cell.case.id: result for result in runner.results}
    others = {result.verdict for case, result in told.items() if case not in failed(runner)}
    assert failed(runner) == wrong.fails, messages(runner)
    # Without its control a case is inconclusive: never a pass, never a failure.
    assert others == {Outcome.INCONCLUSIVE if "LIVE-001" in failed(runner) else Outcome.PASSED}
    for case, words in TOLD.get(name, {}).items():
        assert words in told[case].message


@pytest.mark.servers
@pytest.mark.parametrize("name", VARIANTS)
def test_wrong_remedies_fail_just_what_they_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = VARIANTS[name]
    monkeypatch.setattr(promised, "AT_ONCE", FEWER)
    cases = [shortened(case) for case in of(*wrong.families)]
    runner = judge(
        f"tests.apps.bare_remedies:apps.{name}", cases=cases, lacks=HAS_ALL, fails=wrong.fails
    )
    assert failed(runner) == wrong.fails, messages(runner)
    assert wrong.told in messages(runner)
    assert {row.verdict for row in runner.results} <= {Outcome.FAILED, Outcome.PASSED}


@pytest.mark.servers
@pytest.mark.parametrize(
    ("families", "fails"),
    [
        ("LIVE CONT SPEED", set()),
        # After the answer, ASGI has no word for a client that leaves: nobody can tell the loop.
        ("POOL LEAVES", {"LEAVES-001"}),
        ("GIL ERRORS", set()),
        ("EXITS", set()),
    ],
)
def test_the_remedies_can_be_had_without_a_framework(
    families: str, fails: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # How many times as long a probe waits is the machine's business here, as other tests run on
    # it: anything will do, and a few probes.
    monkeypatch.setattr(promised, "GIL_LIMIT", 10**9)
    cases = [shortened(case) if case.promise == "gil" else case for case in of(*families.split())]
    runner = judge("tests.apps.bare_remedies:app", IMPATIENT, cases, HAS_ALL)
    assert failed(runner) == fails, messages(runner)
    for row in runner.results:
        if row.cell.case.id not in fails:
            recorded = row.cell.case.id in ONLY_RECORDED
            assert row.verdict is (Outcome.RECORDED if recorded else Outcome.PASSED), row.message


@pytest.mark.servers
@pytest.mark.parametrize(
    ("name", "window"),
    [("background_that_starves", BACKGROUND), ("blocking_that_starves", BLOCKING)],
)
@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.name)
def test_a_starved_app_is_never_called_frozen(name: str, window: Window, kind: ServerKind) -> None:
    cases = [case for case in FIRST if case.experiments == (window,)]
    fails = MINIATURES[name].fails
    (subject,) = judge(
        f"tests.apps.miniatures:apps.{name}", kind, cases, fails=fails
    ).subjects.values()
    assert subject.seen[window].state is State.STARVED


@pytest.mark.servers
@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.name)
def test_an_app_of_no_framework_passes(kind: ServerKind) -> None:
    runner = judge("examples.bare_asgi:app", kind)
    assert {result.verdict for result in runner.results} == {Outcome.PASSED}


def test_every_case_is_failed_by_a_miniature_unless_it_is_only_recorded() -> None:
    fails = [app.fails for app in MINIATURES.values()] + [app.fails for app in VARIANTS.values()]
    assert frozenset[str]().union(*fails) == IDS - ONLY_RECORDED
    judged = {promise.name for promise in PROMISES if promise.judged}
    assert {case.promise for case in CASES if case.id in ONLY_RECORDED}.isdisjoint(judged)


def test_ids_are_append_only() -> None:
    assert len(CASES) == len(IDS)
    assert not IDS & RETIRED
    assert FIRST_EDITION | SECOND_EDITION | THIRD_EDITION <= IDS | RETIRED


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_says_what_it_does_what_it_must_see_and_why(case: Case) -> None:
    assert all((*case.text, case.fix))
