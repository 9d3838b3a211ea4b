"""The jobs of a window, their requests answered and their loops born as the test says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asgi_liveness.conformance import load as jobs_module
from asgi_liveness.conformance.contract import State, Window
from asgi_liveness.conformance.load import Load
from asgi_liveness.inside.ledger import Ledger
from asgi_liveness.probing import request as asking
from asgi_liveness.probing.request import Request
from asgi_liveness.probing.response import Response

LOOP = "a loop that makes a step"
BORN = "a loop that makes none"
ACCEPTED = Response(at=1.0, status=202, location="/process/1")
REFUSED = Response(at=1.0, status=503, retry_after="1")
CLIENT: Any = None  # nothing is sent here

Make = Callable[..., Load]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    """As much of a server as jobs look at."""
    with Ledger.create(tmp_path / "ledger") as ledger:
        yield SimpleNamespace(ledger=ledger, ended=False)


@pytest.fixture
def make(server: Any, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make jobs, each of which comes to the next of these: loops, answers, or nothing (None).

    What is not there at once will not come.
    """
    for limit in ("LIMIT", "QUIET", "START_LIMIT"):
        monkeypatch.setattr(jobs_module, limit, 0.1)
    monkeypatch.setattr(asking, "LIMIT", 0.1)

    def make(*outcomes: Response | str | None, at_once: bool = False) -> Load:
        coming = iter(outcomes)

        def send(request: Request, _: object) -> None:
            outcome = next(coming)
            request.sent = time.monotonic()
            if isinstance(outcome, Response):
                request.response = outcome
            elif outcome is not None:
                slot = server.ledger.take_slot(request.path, "app.py:1")
                server.ledger.store_steps(slot, int(outcome == LOOP))
            waits = asyncio.sleep(0) if outcome else asyncio.sleep(60)
            request.task = asyncio.create_task(waits)

        monkeypatch.setattr(Request, "send", send)
        paths = ("/normal", "/background", "/cooperative")[: len(outcomes)]
        return Load(server, Window("any", paths, State.ALIVE, at_once=at_once))

    return make


def started(jobs: Load) -> bool:
    async def act() -> bool:
        running = await jobs.start(CLIENT)
        for request in jobs.requests:
            request.task.cancel()
        await asyncio.wait([request.task for request in jobs.requests])
        return running

    return asyncio.run(act())


@pytest.mark.parametrize(
    ("outcomes", "running", "sent"),
    [
        ((LOOP, LOOP), True, 2),
        ((None, LOOP), False, 1),
        ((BORN, LOOP), False, 1),
        ((REFUSED, LOOP), False, 1),
        ((LOOP, REFUSED), False, 2),
    ],
)
def test_one_by_one_each_waits_for_the_step_of_the_one_before(
    outcomes: tuple[Any, ...], sent: int, make: Make, *, running: bool
) -> None:
    jobs = make(*outcomes)
    assert started(jobs) is running
    assert len(jobs.requests) == sent
    assert jobs.unsettled == 0  # nobody asks, where each has its turn


@pytest.mark.parametrize(
    ("outcomes", "running", "unsettled"),
    [
        ((LOOP, LOOP, LOOP), True, 0),
        ((LOOP, REFUSED, REFUSED), True, 0),
        ((REFUSED, REFUSED, REFUSED), False, 0),
        ((LOOP, BORN, None), True, 2),
        ((ACCEPTED, ACCEPTED, LOOP), True, 1),
    ],
)
def test_at_once_all_are_sent_and_those_that_wait_are_counted(
    outcomes: tuple[Any, ...], unsettled: int, make: Make, *, running: bool
) -> None:
    jobs = make(*outcomes, at_once=True)
    assert started(jobs) is running
    assert len(jobs.requests) == 3
    assert jobs.unsettled == unsettled


def test_loops_that_were_there_before_are_not_of_the_window(server: Any, make: Make) -> None:
    server.ledger.store_steps(server.ledger.take_slot("/normal", "app.py:1"), 7)
    jobs = make(LOOP, LOOP)
    assert (jobs.steps(), jobs.loops) == (0, [])
    assert started(jobs)
    assert (jobs.steps(), jobs.steps("/background"), len(jobs.loops)) == (2, 1, 2)


@pytest.mark.parametrize(
    ("stepping", "all_stepped"),
    [(("/normal",), False), (("/background",), False), (("/normal", "/background"), True)],
)
def test_a_further_step_is_one_of_every_job(
    stepping: tuple[str, ...], server: Any, make: Make, *, all_stepped: bool
) -> None:
    jobs = make(LOOP, LOOP)
    assert started(jobs)

    async def act() -> bool:
        waiting = asyncio.create_task(jobs.a_further_step())
        await asyncio.sleep(0)
        for path in stepping:  # another loop of the same route will do
            server.ledger.store_steps(server.ledger.take_slot(path, "app.py:1"), 1)
        return await waiting

    assert asyncio.run(act()) is all_stepped


def test_what_ended_makes_no_further_step_and_is_not_waited_for(
    server: Any, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = make(LOOP)
    assert started(jobs)
    server.ledger.stamp_end(server.ledger.take_slot("/normal", "app.py:1"))
    monkeypatch.setattr(jobs_module, "LIMIT", 3600.0)
    assert asyncio.run(jobs.a_further_step()) is False
    assert not jobs.all_ended


@pytest.mark.parametrize("ends", [True, False])
def test_a_stop_is_of_all_loops_and_says_whether_they_ended(
    server: Any, make: Make, *, ends: bool
) -> None:
    jobs = make(LOOP)

    async def act() -> bool:
        await jobs.start(CLIENT)
        if ends:
            server.ledger.stamp_end(8)  # the first slot's words begin after the header
        return await jobs.stop()

    assert asyncio.run(act()) is ends
    assert server.ledger.generation > 0


def test_nothing_is_waited_for_when_the_server_has_ended(
    server: Any, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "LIMIT", 3600.0)
    server.ended = True
    assert asyncio.run(make(LOOP).until(lambda: False)) is False
