"""Samples of a server that nobody watches count only within a silence of its event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import chain, repeat
from pathlib import Path

import pytest

from asgi_liveness.serving.ports import Listener
from asgi_liveness.serving.records import Frame, Sample
from asgi_liveness.stalls import outside
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.stalls.outside import OutsideSampler
from asgi_liveness.stalls.spy import Refused, SpiedThread
from asgi_liveness.stalls.stalls import LoopRecord, stalls
from tests.kit.checking.windows import INSTALLED, LOOP, OTHER, REPORT, SELECTING
from tests.waiting import until_async

PROCESS, THREAD = 7, 8
ROUNDS = 8
BUSY = SpiedThread(PROCESS, True, (REPORT, *LOOP))
IDLE = SpiedThread(PROCESS, False, SELECTING)
HOLDER = SpiedThread(THREAD, True, (OTHER,))
GRANIAN = Frame(f"{INSTALLED}/granian/server/common.py", 20, "serve")

Run = Callable[..., OutsideSampler]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Sample a process for some rounds; *took* is what the connections show, round by round."""
    monkeypatch.setattr(outside, "_EVERY", 0.001)

    def run(
        *dumps: list[SpiedThread] | Refused,
        took: tuple[bool | None, ...] = (False,),
        waits: Callable[[], float] = lambda: 1.0,
    ) -> OutsideSampler:
        answers, stacks, left = chain(took, repeat(took[-1])), chain(dumps), [len(dumps)]

        class Taken:
            """A stand-in for connections to a server."""

            def __init__(self, _: Mapping[int, list[Listener]]) -> None:
                self.is_open = True

            def again(self) -> None:
                assert self.is_open

            def forget(self, _: int) -> None:
                assert self.is_open

            def took(self, _: int) -> bool | None:
                return next(answers)

            def close(self) -> None:
                self.is_open = False

        async def dump(_: int) -> list[SpiedThread] | Refused:
            left[0] -= 1
            return next(stacks)

        monkeypatch.setattr(outside, "Knocks", Taken)
        monkeypatch.setattr(outside, "dump", dump)
        sampler = OutsideSampler({PROCESS: []}, lambda: waits() if left[0] else 0.0)

        async def sample() -> None:
            task = asyncio.create_task(sampler.sample())
            await until_async(lambda: not left[0])
            await asyncio.sleep(0.02)
            task.cancel()

        asyncio.run(sample())
        return sampler

    return run


def silences(samples: tuple[Sample, ...]) -> list[int]:
    """How many samples each silence has."""
    began = [sample.began for sample in samples]
    return [began.count(each) for each in dict.fromkeys(began)]


def test_samples_of_a_loop_that_takes_nothing_are_one_silence(run: Run) -> None:
    sampler = run(*[[BUSY]] * ROUNDS)
    assert silences(sampler.samples) == [ROUNDS]
    assert {sample.stack for sample in sampler.samples} == {BUSY.stack}
    assert all(sample.outside and not sample.by_another for sample in sampler.samples)


def test_samples_after_a_loop_took_a_connection_are_another_silence(run: Run) -> None:
    took = (False, False, True, False, False, False)
    assert silences(run(*[[BUSY]] * 6, took=took).samples) == [2, 3]


def test_a_loop_that_takes_each_connection_has_no_samples(run: Run) -> None:
    assert run(*[[BUSY]] * ROUNDS, took=(True,)).samples == ()


def test_a_loop_that_waits_for_events_has_no_samples(run: Run) -> None:
    assert run(*[[IDLE]] * ROUNDS).samples == ()


def test_a_thread_that_keeps_the_gil_from_an_idle_loop_is_sampled(run: Run) -> None:
    samples = run(*[[IDLE, HOLDER]] * ROUNDS).samples
    assert silences(samples) == [ROUNDS]
    assert {(each.by_another, each.gil_held, each.stack) for each in samples} == {
        (THREAD, True, HOLDER.stack)
    }
    assert run(*[[IDLE, HOLDER]] * ROUNDS, took=(None,)).samples == ()


def test_a_silence_that_nobody_proves_needs_several_samples_of_one_callback(run: Run) -> None:
    assert silences(run(*[[BUSY]] * 3, took=(None,)).samples) == [3]
    assert run(*[[BUSY]] * 2, took=(None,)).samples == ()
    other = SpiedThread(PROCESS, True, (OTHER, *LOOP))
    assert run([BUSY], [other], [other], [BUSY], took=(None,)).samples == ()


def test_a_loop_that_may_yield_is_silent_only_if_that_is_proven(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text("async def view():\n    while True:\n        work()\n        await other()\n")
    yields = SpiedThread(PROCESS, True, (Frame(str(file), 3, "view"), *LOOP))
    assert silences(run(*[[yields]] * ROUNDS).samples) == [ROUNDS]
    assert run(*[[yields]] * ROUNDS, took=(None,)).samples == ()


def test_connections_prove_nothing_of_a_server_that_takes_them_in_threads(run: Run) -> None:
    granian = SpiedThread(PROCESS, True, (*BUSY.stack, GRANIAN))
    assert silences(run(*[[granian]] * ROUNDS, took=(True,)).samples) == [ROUNDS]


def test_c_code_that_holds_the_gil_is_told_from_a_loop(run: Run, tmp_path: Path) -> None:
    assert all(sample.gil_held for sample in run(*[[BUSY]] * ROUNDS).samples)
    file = tmp_path / "app.py"
    file.write_text("def view():\n    while True:\n        pass\n")
    loops = SpiedThread(PROCESS, True, (Frame(str(file), 3, "view"), *LOOP))
    assert not any(sample.gil_held for sample in run(*[[loops]] * ROUNDS).samples)


def test_nothing_is_sampled_while_no_request_waits(run: Run) -> None:
    waits = iter([0.0, 0.05, 0.0, *[1.0] * 50])
    sampler = run(*[[BUSY]] * 3, waits=lambda: next(waits))
    assert silences(sampler.samples) == [3]
    assert next(waits)


def test_a_refusal_is_kept_for_the_report(run: Run) -> None:
    sampler = run(*[Refused("no permission")] * 3)
    assert (sampler.samples, sampler.refused) == ((), "no permission")


def test_a_proven_silence_is_a_stall_with_a_line(run: Run) -> None:
    samples = run(*[[BUSY]] * ROUNDS).samples
    record = LoopRecord(began=0.0, ended=samples[-1].at + 1, samples=samples)
    limit = samples[-1].at - samples[0].began
    (found,) = stalls(record, Criteria(limit / 2))
    assert found.line
    assert (found.line.frame, found.line.seen) == (REPORT, ROUNDS)
    assert not stalls(record, Criteria(limit + 1))
