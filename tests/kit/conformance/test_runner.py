"""A runner judges cells, applies the known differences, and leaves no server."""

from __future__ import annotations

import asyncio
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from asgi_liveness.conformance import busy
from asgi_liveness.conformance import runner as runner_module
from asgi_liveness.conformance import subject as subject_module
from asgi_liveness.conformance.cases import CASES, Case
from asgi_liveness.conformance.cell import Result
from asgi_liveness.conformance.contract import IDLE
from asgi_liveness.conformance.endings import Shutdown, ShutdownTimes
from asgi_liveness.conformance.known import PYTHON, Difference
from asgi_liveness.conformance.outcome import Judgement, Outcome
from asgi_liveness.conformance.promises import lacking
from asgi_liveness.conformance.runner import Runner
from asgi_liveness.conformance.subject import Subject
from asgi_liveness.errors import LedgerError, UsageError
from asgi_liveness.serving.servers import SERVERS, ServerKind, choose_servers

if TYPE_CHECKING:
    from pathlib import Path

UVICORN, HYPERCORN = (choose_servers([name])[0] for name in ("uvicorn/asyncio", "hypercorn"))
CASE = {case.id: case for case in CASES}
LINK = "https://example.org/why"

pytestmark = pytest.mark.usefixtures("temporary")


def running(temporary: Path) -> int:
    """Return the number of running servers; each has a folder while it runs."""
    return len(list(temporary.iterdir()))


def listed(case: str, target: str = "tiny:app", server: str = UVICORN.name) -> Difference:
    return Difference((case,), (target,), "it is so", LINK, (server,), (PYTHON,))


def judge(
    *cases: str, target: str = "tiny:app", differences: tuple[Difference, ...] = ()
) -> list[Result]:
    with Runner([target], [UVICORN], [CASE[case] for case in cases], differences) as runner:
        return [runner.judge(cell) for cell in runner.cells]


# The cells to judge.


def test_the_order_of_cells_needs_the_fewest_starts() -> None:
    runner = Runner(["a:app", "b:app"], [UVICORN, HYPERCORN], [CASE["LIVE-001"], CASE["LIVE-002"]])
    assert [(cell.target, cell.server.name, cell.case.id) for cell in runner.cells] == [
        ("a:app", "uvicorn/asyncio", "LIVE-001"),
        ("a:app", "uvicorn/asyncio", "LIVE-002"),
        ("a:app", "hypercorn", "LIVE-001"),
        ("a:app", "hypercorn", "LIVE-002"),
        ("b:app", "uvicorn/asyncio", "LIVE-001"),
        ("b:app", "uvicorn/asyncio", "LIVE-002"),
        ("b:app", "hypercorn", "LIVE-001"),
        ("b:app", "hypercorn", "LIVE-002"),
    ]


@pytest.mark.parametrize(
    ("targets", "servers", "cases"),
    [([], SERVERS, CASES), (["a:app"], [], CASES), (["a:app"], SERVERS, [])],
    ids=["no target", "no server", "no case"],
)
def test_a_run_of_nothing_is_an_error(targets: list[str], servers: Any, cases: Any) -> None:
    with pytest.raises(
        UsageError, match=r"^there is nothing to run: name at least one target, server"
    ):
        Runner(targets, servers, cases)


# Outcomes.


@pytest.mark.servers
def test_the_route_of_a_lacking_feature_is_not_probed() -> None:
    with Runner(
        ["tiny:without_sync"], [UVICORN], [CASE["LIVE-001"]], lacks=lacking(["sync"])
    ) as runner:
        assert runner.judge(runner.cells[0]).outcome is Outcome.PASSED
        (subject,) = runner.subjects.values()
    assert subject.observations[IDLE].answered == {"/hello": 10}


@pytest.mark.servers
def test_known_differences_change_the_outcomes() -> None:
    differs, outdated, not_listed, passes = judge(
        "CONT-006",
        "CONT-005",
        "CONT-001",
        "LIVE-001",
        differences=(
            listed("CONT-006"),
            listed("CONT-005"),
            listed("CONT-001", server=HYPERCORN.name),
            listed("LIVE-001", target="tiny:other"),
        ),
    )
    assert (differs.outcome, differs.message, differs.link) == (Outcome.DIFFERS, "it is so", LINK)
    assert outdated.outcome is Outcome.FAILED
    assert outdated.message == (
        "CONT-005 unknown-path: the case passed, although a known difference lists it: it is so\n"
        "  Remove the row from the file of known differences."
    )
    assert not_listed.outcome is Outcome.FAILED
    assert not_listed.message.startswith("CONT-001 hello: GET /hello answered no content type")
    assert (passes.outcome, passes.message) == (Outcome.PASSED, "")


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.RECORDED])
def test_an_outdated_difference_fails_judged_and_recorded_cases(
    outcome: Outcome,
) -> None:
    case = CASE["DEFAULTS-001"]
    runner = Runner(["tiny:app"], [UVICORN], [case], [listed(case.id)])
    (cell,) = runner.cells
    result = runner._apply_differences(Result(cell, outcome))
    assert result.outcome is Outcome.FAILED
    assert "although a known difference lists it" in result.message


@pytest.mark.servers
def test_a_case_without_its_control_is_inconclusive() -> None:
    target = "tiny:unavailable"
    control, exchange, window = judge(
        "LIVE-001", "CONT-006", "LIVE-006", target=target, differences=(listed("CONT-006", target),)
    )
    assert control.outcome is Outcome.FAILED
    assert "/hello answered 503." in control.message
    for result in (exchange, window):
        assert result.outcome is Outcome.INCONCLUSIVE
        assert result.message == (
            "the idle app answered only 0 of 20 probes; see `asgi-liveness explain LIVE-001`"
        )


@pytest.mark.servers
def test_a_late_prober_blames_no_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(busy, "LATE_LIMIT", -1.0)
    monkeypatch.setattr(subject_module, "_PAUSES", (0.0,))
    failing, passing = judge("CONT-006", "CONT-005")
    assert failing.outcome is Outcome.INCONCLUSIVE
    assert failing.message.startswith("the machine was too busy: a probe left ")
    assert passing.outcome is Outcome.PASSED


@pytest.mark.servers
def test_no_difference_excuses_a_target_that_does_not_start() -> None:
    first, second = judge(
        "LIVE-001",
        "CONT-006",
        target="tiny:gone",
        differences=(listed("CONT-006", target="tiny:gone"),),
    )
    assert (first.outcome, second.outcome) == (Outcome.ERROR, Outcome.ERROR)
    assert first.message == second.message
    assert first.message.startswith("tiny:gone: the module tiny has no attribute 'gone'")


@pytest.mark.servers
def test_an_error_names_a_missing_route() -> None:
    (result,) = judge("CONT-001", target="tiny:without_sync")
    assert result.outcome is Outcome.ERROR
    assert result.message.startswith("tiny:without_sync: GET /hello-sync answered 404")


@pytest.mark.servers
def test_a_missing_route_is_an_error_of_its_own_cases_only() -> None:
    missing, other = judge("LIVE-002", "CONT-005")
    assert missing.outcome is Outcome.ERROR
    assert missing.message.startswith("tiny:app: GET /blocking answered 404")
    assert other.outcome is Outcome.PASSED


# Servers.


@pytest.mark.servers
def test_the_next_target_ends_the_servers_of_the_last(temporary: Path) -> None:
    with Runner(["tiny:app", "tiny:other"], [UVICORN], [CASE["CONT-005"]]) as runner:
        for cell in runner.cells:
            assert runner.judge(cell).outcome is Outcome.PASSED
            assert running(temporary) == 1
    assert running(temporary) == 0


@pytest.mark.servers
def test_all_servers_of_a_target_start_together(temporary: Path) -> None:
    with Runner(["tiny:app"], [UVICORN, HYPERCORN], CASES) as runner:
        runner.start("tiny:app")
        assert running(temporary) == 2


@pytest.mark.servers
def test_an_interrupted_run_leaves_no_server(temporary: Path) -> None:
    def interrupt() -> None:
        with Runner(["tiny:app"], [UVICORN], [CASE["CONT-005"]]) as runner:
            runner.start("tiny:app")
            assert running(temporary) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert running(temporary) == 0


@pytest.mark.servers
def test_a_run_without_a_temporary_folder_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(LedgerError, match="set TMPDIR to a writable folder"):
        judge("LIVE-001")


# Shutdowns.


@pytest.mark.servers
def test_all_shutdowns_are_watched_together_and_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched: list[tuple[str, str, str]] = []
    together, most = 0, 0

    async def watch_shutdown(
        kind: ServerKind, target: str, shutdown: Shutdown, *_: object
    ) -> ShutdownTimes:
        nonlocal together, most
        watched.append((target, kind.name, shutdown.remedy))
        together += 1
        most = max(most, together)
        await asyncio.sleep(0)
        together -= 1
        return ShutdownTimes({"SIGTERM": 0.5}, {"SIGTERM": ""})

    monkeypatch.setattr(subject_module, "watch_shutdown", watch_shutdown)
    servers = [UVICORN, HYPERCORN]
    cases = [CASE[f"EXITS-{number:03}"] for number in (1, 2, 3, 4, 7)]
    lacks = lacking(has=["background", "cooperative", "normal", "offloaded"])
    targets = ["tiny:app", "tiny:other"]
    with Runner(targets, servers, cases, lacks=lacks) as runner:
        runner.judge_together(runner.cells)
        outcomes = [runner.judge(cell).outcome for cell in runner.cells]
    assert outcomes == [*(Outcome.PASSED,) * 4, Outcome.NOT_APPLICABLE] * 4
    shutdowns = ("", "background", "cooperative", "normal", "offloaded")
    assert sorted(watched) == sorted(
        (target, kind.name, shutdown)
        for target in targets
        for kind in servers
        for shutdown in shutdowns
    )
    assert most == len(watched)
    assert runner.clock.ends > 0


# Side by side: these tests start no server.


def watched_together(
    monkeypatch: pytest.MonkeyPatch, *cases: str, cores: int = 2
) -> list[tuple[str, str, str]]:
    """Judge cases on two targets and all servers; return each case's begin and end, in order."""
    events: list[tuple[str, str, str]] = []

    async def judge_case(subject: Subject, case: Case) -> Judgement:
        for event in ("begins", "ends"):
            events.append((event, f"{subject.target} {subject.kind.name}", case.id))
            await asyncio.sleep(0)
        return Judgement(Outcome.PASSED)

    monkeypatch.setattr(Subject, "judge", judge_case)
    monkeypatch.setattr(Subject, "start", lambda _: None)
    monkeypatch.setattr(runner_module, "_all_ready", no_wait)
    monkeypatch.setattr(runner_module, "_CORES", cores)
    chosen = [CASE[case] for case in cases]
    with Runner(["a:app", "b:app"], SERVERS, chosen) as runner:
        runner.judge_together(runner.cells)
        results = [runner.judge(cell) for cell in runner.cells]
    assert [result.cell for result in results] == runner.cells
    return events


async def no_wait(_: object) -> None:
    pass


def at_once(events: list[tuple[str, str, str]]) -> dict[str, int]:
    """Return how many cases ran, at most, while each ran."""
    found: dict[str, int] = {}
    running: list[str] = []
    for event, _, case in events:
        if event == "begins":
            running.append(case)
            found |= {name: max(found.get(name, 0), len(running)) for name in running}
        else:
            running.remove(case)
    return found


@pytest.mark.parametrize("cores", [1, 2, 8])
def test_windows_run_side_by_side_but_for_many_processes_and_for_times_that_are_compared(
    cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = ("LIVE-004", "LIVE-005", "POOL-007", "POOL-009", "GIL-001", "SPEED-001")
    together = ("LIVE-001", "POOL-001", "LEAVES-001", "CONT-001")
    events = watched_together(monkeypatch, *alone, *together, cores=cores)
    most = min(cores, len(SERVERS))
    assert at_once(events) == dict.fromkeys(alone, 1) | dict.fromkeys(together, most)


def test_the_windows_of_live_cases_run_side_by_side_where_no_times_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = watched_together(monkeypatch, "LIVE-004", "LIVE-005")
    assert set(at_once(events).values()) == {2}


def test_the_cases_of_a_server_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    events = watched_together(monkeypatch, "LIVE-005", "POOL-001", "LEAVES-001", "ERRORS-001")
    rows: dict[str, list[str]] = {}
    for event, row, case in events:
        if event == "begins":
            rows.setdefault(row, []).append(case)
    assert len(rows) == 2 * len(SERVERS)
    assert {tuple(row) for row in rows.values()} == {
        ("LIVE-005", "POOL-001", "LEAVES-001", "ERRORS-001")
    }


def test_the_windows_of_the_next_target_come_after_all_of_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = watched_together(monkeypatch, "LIVE-001", "GIL-001", "CONT-001")
    targets = [row.partition(" ")[0] for _, row, _ in events]
    assert targets == sorted(targets)


def test_a_cell_that_is_judged_alone_judges_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Runner, "start", lambda *_: None)
    judged: list[str] = []

    async def judge_case(_: Subject, case: Case) -> Judgement:
        judged.append(case.id)
        return Judgement(Outcome.PASSED)

    monkeypatch.setattr(Subject, "judge", judge_case)
    with Runner(["a:app"], SERVERS, [CASE["LIVE-001"], CASE["CONT-001"]]) as runner:
        runner.judge(runner.cells[1])
    assert judged == ["CONT-001"]
