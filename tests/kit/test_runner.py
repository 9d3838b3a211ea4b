"""Cells are judged, compared with what is known to differ, and no server is left over."""

from __future__ import annotations

import asyncio
import tempfile
import time
from typing import TYPE_CHECKING, Any

import pytest

from asgi_liveness import bench as bench_module
from asgi_liveness import window as window_module
from asgi_liveness.bench import Bench, Clock
from asgi_liveness.cases import CASES
from asgi_liveness.contract import BACKGROUND, COOPERATIVE, IDLE, State
from asgi_liveness.errors import LedgerError, UsageError
from asgi_liveness.known import PYTHON, Difference
from asgi_liveness.runner import Result, Runner
from asgi_liveness.servers import SERVERS, choose_servers
from asgi_liveness.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

UVICORN, HYPERCORN = (choose_servers([name])[0] for name in ("uvicorn/asyncio", "hypercorn"))
CASE = {case.id: case for case in CASES}
LINK = "https://example.org/why"

# It answers any method, so CONT-006 fails; /background cannot be stopped, /cooperative can.
APP = """\
import asyncio
from asgi_liveness import LoopBody

def make(status=200, paths=("/hello", "/hello-sync", "/background", "/cooperative")):
    async def run(body, cooperative):
        while not cooperative or body.running:
            body.step()
            await asyncio.sleep(0)

    async def app(scope, receive, send):
        path = scope["path"]
        if scope["type"] == "lifespan":
            raise RuntimeError("no lifespan here")
        if path == "/background":
            tasks.append(asyncio.create_task(run(LoopBody(path), False)))
        if path == "/cooperative":
            await run(LoopBody(path), True)
        answer = status if path in paths else 404
        await send({"type": "http.response.start", "status": answer, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    return app

tasks = []
app = make()
other = make()
unavailable = make(status=503)
without_sync = make(paths=("/hello",))
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run in a folder of its own that holds the app; servers leave nothing."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "tiny.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield temporary
    assert list(temporary.iterdir()) == []


def running(temporary: Path) -> int:
    """How many servers run: each has a folder as long as it does."""
    return len(list(temporary.iterdir()))


def listed(case: str, target: str = "tiny:app", server: str = UVICORN.name) -> Difference:
    return Difference(case, target, "it is so", LINK, (server,), (PYTHON,))


def judge(
    *cases: str, target: str = "tiny:app", differences: tuple[Difference, ...] = ()
) -> list[Result]:
    with Runner([target], [UVICORN], [CASE[case] for case in cases], differences) as runner:
        return [runner.judge(cell) for cell in runner.cells]


def use(target: str, act: Callable[[Bench], Any]) -> Bench:
    """Let *act*, a coroutine function, use a bench of *target*; end it."""
    bench = Bench(target, UVICORN, frozenset(), Clock())
    try:
        asyncio.run(act(bench))
    finally:
        bench.end()
    return bench


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


def test_a_feature_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(UsageError) as raised:
        Runner(["a:app"], SERVERS, CASES, lacks=["sync", "threads"])
    assert str(raised.value) == "no feature is called 'threads'; there is: sync"


def test_the_clock_counts_a_part_that_fails_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    ticks = iter([10.0, 12.5, 20.0, 21.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
    with clock.counting("windows"):
        pass
    with pytest.raises(KeyError), clock.counting("windows"):
        raise KeyError
    assert (clock.starts, clock.windows) == (0.0, 3.5)


# Verdicts.


@pytest.mark.parametrize("case", ["CONT-002", "LIVE-007", "LIVE-009"])
def test_what_needs_a_lacking_feature_is_not_applicable_and_starts_nothing(case: str) -> None:
    bench = Bench("no.such:app", UVICORN, frozenset({"sync"}), Clock())
    assert asyncio.run(bench.judge(CASE[case])) == (
        Verdict.NOT_APPLICABLE,
        "the target lacks synchronous handlers (a plain `def`)",
    )


def test_a_lacking_feature_is_not_probed() -> None:
    with Runner(["tiny:without_sync"], [UVICORN], [CASE["LIVE-001"]], lacks=["sync"]) as runner:
        assert runner.judge(runner.cells[0]).verdict is Verdict.PASSED
        (bench,) = runner.benches.values()
    assert bench.seen[IDLE].answered == {"/hello": 10}


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
    assert (holds.verdict, holds.message, holds.link) == (Verdict.DIFFERS, "it is so", LINK)
    assert holds_no_more.verdict is Verdict.FAILED
    assert holds_no_more.message == (
        "CONT-005 unknown-path: a difference is listed that does not hold: it is so\n"
        "  Take the row out of the list of known differences."
    )
    assert not_listed.verdict is Verdict.FAILED
    assert not_listed.message.startswith("CONT-001 hello: GET /hello answered no content type")
    assert (passes.verdict, passes.message) == (Verdict.PASSED, "")


def test_where_the_control_does_not_hold_a_case_is_inconclusive_listed_or_not() -> None:
    target = "tiny:unavailable"
    control, exchange, window = judge(
        "LIVE-001", "CONT-006", "LIVE-006", target=target, differences=(listed("CONT-006", target),)
    )
    assert control.verdict is Verdict.FAILED
    assert "/hello answered 503." in control.message
    for result in (exchange, window):
        assert result.verdict is Verdict.INCONCLUSIVE
        assert result.message == (
            "its control does not hold, see LIVE-001: at rest 0 of 20 probes were answered"
        )


def test_a_late_prober_holds_no_failure_against_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_module, "LATE_LIMIT", -1.0)
    failing, passing = judge("CONT-006", "CONT-005")
    assert failing.verdict is Verdict.INCONCLUSIVE
    assert failing.message.startswith("the machine was too busy: a probe was sent ")
    assert passing.verdict is Verdict.PASSED


def test_a_target_that_does_not_come_up_is_an_error_that_nothing_excuses() -> None:
    first, second = judge(
        "LIVE-001",
        "CONT-006",
        target="tiny:gone",
        differences=(listed("CONT-006", target="tiny:gone"),),
    )
    assert (first.verdict, second.verdict) == (Verdict.ERROR, Verdict.ERROR)
    assert first.message == second.message
    assert first.message.startswith("tiny:gone: the module tiny has no attribute 'gone'")


def test_a_target_that_did_not_come_up_is_not_started_again(temporary: Path) -> None:
    async def act(bench: Bench) -> None:
        first = await bench.judge(CASE["LIVE-001"])
        bench.end()
        assert await bench.judge(CASE["CONT-006"]) == first
        assert running(temporary) == 0

    use("tiny:gone", act)


def test_a_missing_route_is_an_error_that_names_it() -> None:
    (result,) = judge("CONT-001", target="tiny:without_sync")
    assert result.verdict is Verdict.ERROR
    assert result.message.startswith("tiny:without_sync: GET /hello-sync answered 404")


def test_a_missing_route_of_one_window_is_no_error_of_another_case() -> None:
    missing, other = judge("LIVE-002", "CONT-005")
    assert missing.verdict is Verdict.ERROR
    assert missing.message.startswith("tiny:app: GET /blocking answered 404")
    assert other.verdict is Verdict.PASSED


# Servers.


def test_another_target_ends_the_servers_of_the_last(temporary: Path) -> None:
    with Runner(["tiny:app", "tiny:other"], [UVICORN], [CASE["CONT-005"]]) as runner:
        for cell in runner.cells:
            assert runner.judge(cell).verdict is Verdict.PASSED
            assert running(temporary) == 1
    assert running(temporary) == 0


def test_all_servers_of_a_target_start_together(temporary: Path) -> None:
    with Runner(["tiny:app"], [UVICORN, HYPERCORN], CASES) as runner:
        runner.start("tiny:app")
        assert running(temporary) == 2


def test_a_run_that_is_broken_off_leaves_no_server(temporary: Path) -> None:
    def break_off() -> None:
        with Runner(["tiny:app"], [UVICORN], [CASE["CONT-005"]]) as runner:
            runner.start("tiny:app")
            assert running(temporary) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert running(temporary) == 0


def test_what_a_window_showed_is_kept_and_so_is_a_healthy_server() -> None:
    async def act(bench: Bench) -> None:
        await bench.judge(CASE["LIVE-006"])
        assert bench._server is not None
        server, seen = bench._server, dict(bench.seen)
        assert server.ledger.taken == 1
        await bench.judge(CASE["LIVE-006"])
        assert bench._server is server
        assert server.ledger.taken == 1
        assert bench.seen == seen

    bench = use("tiny:app", act)
    assert bench.seen[COOPERATIVE].state is State.ALIVE
    assert bench.seen[COOPERATIVE].recovered


def test_a_server_on_which_a_loop_could_not_be_stopped_is_thrown_away(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(bench: Bench) -> None:
        await bench.ready()
        stubborn = bench._server
        monkeypatch.setattr(window_module, "LIMIT", 1.0)
        await bench.judge(CASE["LIVE-005"])
        assert running(temporary) == 0
        verdict, _ = await bench.judge(CASE["CONT-005"])
        assert verdict is Verdict.PASSED
        assert bench._server is not stubborn
        assert bench._server is not None
        assert bench._server.ledger.taken == 0
        assert running(temporary) == 1
        judged = (CASE["LIVE-005"], CASE["CONT-005"])
        first, fresh = (bench._evidence[case.looks_at][1] for case in judged)
        assert fresh is not first

    bench = use("tiny:app", act)
    assert not bench.seen[BACKGROUND].recovered


def test_without_a_place_for_files_the_run_cannot_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(LedgerError, match="set TMPDIR to one that can be"):
        judge("LIVE-001")
