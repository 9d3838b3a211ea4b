"""Cells are judged, compared with what is known to differ, and no server is left over."""

from __future__ import annotations

import asyncio
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from asgi_liveness.conformance import subject as bench_module
from asgi_liveness.conformance.cases import CASES
from asgi_liveness.conformance.contract import IDLE
from asgi_liveness.conformance.known import PYTHON, Difference
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.promises import Shutdown, ShutdownTimes, lacking
from asgi_liveness.conformance.runner import SHUTDOWNS_AT_ONCE, Result, Runner
from asgi_liveness.errors import LedgerError, UsageError
from asgi_liveness.serving.servers import SERVERS, ServerKind, choose_servers

if TYPE_CHECKING:
    from pathlib import Path

UVICORN, HYPERCORN = (choose_servers([name])[0] for name in ("uvicorn/asyncio", "hypercorn"))
CASE = {case.id: case for case in CASES}
LINK = "https://example.org/why"

pytestmark = pytest.mark.usefixtures("temporary")


def running(temporary: Path) -> int:
    """How many servers run: each has a folder as long as it does."""
    return len(list(temporary.iterdir()))


def listed(case: str, target: str = "tiny:app", server: str = UVICORN.name) -> Difference:
    return Difference((case,), (target,), "it is so", LINK, (server,), (PYTHON,))


def judge(
    *cases: str, target: str = "tiny:app", differences: tuple[Difference, ...] = ()
) -> list[Result]:
    with Runner([target], [UVICORN], [CASE[case] for case in cases], differences) as runner:
        return [runner.judge(cell) for cell in runner.cells]


# What there is to run.


def test_cells_are_in_the_order_that_needs_the_fewest_starts() -> None:
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
def test_nothing_to_run_is_an_error(targets: list[str], servers: Any, cases: Any) -> None:
    with pytest.raises(UsageError, match=r"^there is nothing to run: name a target, a server and"):
        Runner(targets, servers, cases)


# Verdicts.


@pytest.mark.servers
def test_a_lacking_feature_is_not_probed() -> None:
    with Runner(
        ["tiny:without_sync"], [UVICORN], [CASE["LIVE-001"]], lacks=lacking(["sync"])
    ) as runner:
        assert runner.judge(runner.cells[0]).verdict is Outcome.PASSED
        (subject,) = runner.subjects.values()
    assert subject.seen[IDLE].answered == {"/hello": 10}


@pytest.mark.servers
def test_known_differences_are_held_against_what_is_found() -> None:
    holds, holds_no_more, not_listed, passes = judge(
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
    assert (holds.verdict, holds.message, holds.link) == (Outcome.DIFFERS, "it is so", LINK)
    assert holds_no_more.verdict is Outcome.FAILED
    assert holds_no_more.message == (
        "CONT-005 unknown-path: a difference is listed that does not hold: it is so\n"
        "  Take the row out of the list of known differences."
    )
    assert not_listed.verdict is Outcome.FAILED
    assert not_listed.message.startswith("CONT-001 hello: GET /hello answered no content type")
    assert (passes.verdict, passes.message) == (Outcome.PASSED, "")


@pytest.mark.parametrize("verdict", [Outcome.PASSED, Outcome.RECORDED])
def test_a_difference_that_does_not_hold_is_a_failure_of_what_is_only_recorded_too(
    verdict: Outcome,
) -> None:
    case = CASE["DEFAULTS-001"]
    runner = Runner(["tiny:app"], [UVICORN], [case], [listed(case.id)])
    (cell,) = runner.cells
    result = runner._as_listed(Result(cell, verdict))
    assert result.verdict is Outcome.FAILED
    assert "a difference is listed that does not hold" in result.message


@pytest.mark.servers
def test_where_the_control_does_not_hold_a_case_is_inconclusive_listed_or_not() -> None:
    target = "tiny:unavailable"
    control, exchange, window = judge(
        "LIVE-001", "CONT-006", "LIVE-006", target=target, differences=(listed("CONT-006", target),)
    )
    assert control.verdict is Outcome.FAILED
    assert "/hello answered 503." in control.message
    for result in (exchange, window):
        assert result.verdict is Outcome.INCONCLUSIVE
        assert result.message == (
            "its control does not hold, see LIVE-001: at rest 0 of 20 probes were answered"
        )


@pytest.mark.servers
def test_a_late_prober_holds_no_failure_against_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_module, "LATE_LIMIT", -1.0)
    failing, passing = judge("CONT-006", "CONT-005")
    assert failing.verdict is Outcome.INCONCLUSIVE
    assert failing.message.startswith("the machine was too busy: a probe was sent ")
    assert passing.verdict is Outcome.PASSED


@pytest.mark.servers
def test_a_target_that_does_not_come_up_is_an_error_that_nothing_excuses() -> None:
    first, second = judge(
        "LIVE-001",
        "CONT-006",
        target="tiny:gone",
        differences=(listed("CONT-006", target="tiny:gone"),),
    )
    assert (first.verdict, second.verdict) == (Outcome.ERROR, Outcome.ERROR)
    assert first.message == second.message
    assert first.message.startswith("tiny:gone: the module tiny has no attribute 'gone'")


@pytest.mark.servers
def test_a_missing_route_is_an_error_that_names_it() -> None:
    (result,) = judge("CONT-001", target="tiny:without_sync")
    assert result.verdict is Outcome.ERROR
    assert result.message.startswith("tiny:without_sync: GET /hello-sync answered 404")


@pytest.mark.servers
def test_a_missing_route_of_one_window_is_no_error_of_another_case() -> None:
    missing, other = judge("LIVE-002", "CONT-005")
    assert missing.verdict is Outcome.ERROR
    assert missing.message.startswith("tiny:app: GET /blocking answered 404")
    assert other.verdict is Outcome.PASSED


# Servers.


@pytest.mark.servers
def test_another_target_ends_the_servers_of_the_last(temporary: Path) -> None:
    with Runner(["tiny:app", "tiny:other"], [UVICORN], [CASE["CONT-005"]]) as runner:
        for cell in runner.cells:
            assert runner.judge(cell).verdict is Outcome.PASSED
            assert running(temporary) == 1
    assert running(temporary) == 0


@pytest.mark.servers
def test_all_servers_of_a_target_start_together(temporary: Path) -> None:
    with Runner(["tiny:app"], [UVICORN, HYPERCORN], CASES) as runner:
        runner.start("tiny:app")
        assert running(temporary) == 2


@pytest.mark.servers
def test_a_run_that_is_broken_off_leaves_no_server(temporary: Path) -> None:
    def break_off() -> None:
        with Runner(["tiny:app"], [UVICORN], [CASE["CONT-005"]]) as runner:
            runner.start("tiny:app")
            assert running(temporary) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert running(temporary) == 0


@pytest.mark.servers
def test_without_a_place_for_files_the_run_cannot_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(LedgerError, match="set TMPDIR to a writable folder"):
        judge("LIVE-001")


# Ends.


@pytest.mark.servers
def test_the_ends_of_all_servers_are_watched_together_and_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched: list[tuple[str, str]] = []
    together, most = 0, 0

    async def watch_ends(kind: ServerKind, _: str, shutdown: Shutdown) -> ShutdownTimes:
        nonlocal together, most
        watched.append((kind.name, shutdown.remedy))
        together += 1
        most = max(most, together)
        for _turn in range(10):
            await asyncio.sleep(0)
        together -= 1
        return ShutdownTimes({"SIGTERM": 0.5}, {"SIGTERM": ""})

    monkeypatch.setattr(bench_module, "watch_ends", watch_ends)
    servers = [UVICORN, HYPERCORN]
    cases = [CASE[f"EXITS-{number:03}"] for number in (1, 2, 3, 4, 7)]
    lacks = lacking(has=["background", "cooperative", "normal", "offloaded"])
    with Runner(["tiny:app"], servers, cases, lacks=lacks) as runner:
        verdicts = [runner.judge(cell).verdict for cell in runner.cells]
    assert verdicts == [*(Outcome.PASSED,) * 4, Outcome.NOT_APPLICABLE] * 2
    shutdowns = ("", "background", "cooperative", "normal", "offloaded")
    assert sorted(watched) == sorted(
        (kind.name, shutdown) for kind in servers for shutdown in shutdowns
    )
    assert most == SHUTDOWNS_AT_ONCE
    assert runner.clock.ends > 0
