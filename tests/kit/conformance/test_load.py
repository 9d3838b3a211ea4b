"""The load of a window; each test chooses the responses and the loops that it comes to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asgi_liveness.conformance import load as load_module
from asgi_liveness.conformance.contract import State, Window
from asgi_liveness.conformance.load import Load
from asgi_liveness.inside.ledger import _HEADER, Ledger
from asgi_liveness.probing import request as request_module
from asgi_liveness.probing.request import Request
from asgi_liveness.probing.response import Response

LOOP = "a loop that makes a step"
NO_STEP = "a loop that makes no step"
ACCEPTED = Response(at=1.0, status=202, location="/process/1")
REFUSED = Response(at=1.0, status=503, retry_after="1")
CLIENT: Any = None  # nothing is sent here

Make = Callable[..., Load]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    """Return the parts of a server that a load uses."""
    with Ledger.create(tmp_path / "ledger") as ledger:
        yield SimpleNamespace(ledger=ledger, ended=False)


@pytest.fixture
def make(server: Any, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make a load whose requests come to these outcomes in order: a loop, a response, or nothing.

    The limits are short, since an outcome comes at once or never.
    """
    for limit in ("LIMIT", "NO_PROGRESS_LIMIT", "START_LIMIT"):
        monkeypatch.setattr(load_module, limit, 0.1)
    monkeypatch.setattr(request_module, "LIMIT", 0.1)

    def make(*outcomes: Response | str | None, at_once: bool = False) -> Load:
        remaining = iter(outcomes)

        def send(request: Request, _: object) -> None:
            outcome = next(remaining)
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


def started(load: Load) -> bool:
    async def act() -> bool:
        running = await load.start(CLIENT)
        for request in load.requests:
            request.task.cancel()
        await asyncio.wait([request.task for request in load.requests])
        return running

    return asyncio.run(act())


@pytest.mark.parametrize(
    ("outcomes", "running", "sent"),
    [
        ((LOOP, LOOP), True, 2),
        ((None, LOOP), False, 1),
        ((NO_STEP, LOOP), False, 1),
        ((REFUSED, LOOP), False, 1),
        ((LOOP, REFUSED), False, 2),
    ],
)
def test_a_loop_starts_after_the_step_of_the_loop_before(
    outcomes: tuple[Any, ...], sent: int, make: Make, *, running: bool
) -> None:
    load = make(*outcomes)
    assert started(load) is running
    assert len(load.requests) == sent
    assert load.unsettled == 0  # only loops that start together count


@pytest.mark.parametrize(
    ("outcomes", "running", "unsettled"),
    [
        ((LOOP, LOOP, LOOP), True, 0),
        ((LOOP, REFUSED, REFUSED), True, 0),
        ((REFUSED, REFUSED, REFUSED), False, 0),
        ((LOOP, NO_STEP, None), True, 2),
        ((ACCEPTED, ACCEPTED, LOOP), True, 1),
    ],
)
def test_requests_at_once_all_leave_and_hanging_ones_are_counted(
    outcomes: tuple[Any, ...], unsettled: int, make: Make, *, running: bool
) -> None:
    load = make(*outcomes, at_once=True)
    assert started(load) is running
    assert len(load.requests) == 3
    assert load.unsettled == unsettled


def test_older_loops_are_not_part_of_the_load(server: Any, make: Make) -> None:
    server.ledger.store_steps(server.ledger.take_slot("/normal", "app.py:1"), 7)
    load = make(LOOP, LOOP)
    assert (load.steps(), load.loops) == (0, [])
    assert started(load)
    assert (load.steps(), load.steps("/background"), len(load.loops)) == (2, 1, 2)


@pytest.mark.parametrize(
    ("stepping", "all_stepped"),
    [(("/normal",), False), (("/background",), False), (("/normal", "/background"), True)],
)
def test_one_more_step_waits_for_every_path(
    stepping: tuple[str, ...], server: Any, make: Make, *, all_stepped: bool
) -> None:
    load = make(LOOP, LOOP)
    assert started(load)

    async def act() -> bool:
        waiting = asyncio.create_task(load.one_more_step())
        await asyncio.sleep(0)
        for path in stepping:  # another loop of the same route will do
            server.ledger.store_steps(server.ledger.take_slot(path, "app.py:1"), 1)
        return await waiting

    assert asyncio.run(act()) is all_stepped


def test_an_ended_loop_makes_no_more_steps_and_delays_nothing(
    server: Any, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = make(LOOP)
    assert started(load)
    server.ledger.stamp_end(server.ledger.take_slot("/normal", "app.py:1"))
    monkeypatch.setattr(load_module, "LIMIT", 3600.0)
    assert asyncio.run(load.one_more_step()) is False
    assert not load.all_ended


@pytest.mark.parametrize("ends", [True, False])
def test_a_stop_reports_whether_all_loops_ended(server: Any, make: Make, *, ends: bool) -> None:
    load = make(LOOP)

    async def act() -> bool:
        await load.start(CLIENT)
        if ends:
            server.ledger.stamp_end(_HEADER)  # where the first slot begins
        return await load.stop()

    assert asyncio.run(act()) is ends
    assert server.ledger.generation > 0


def test_a_wait_ends_when_the_server_has_ended(
    server: Any, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_module, "LIMIT", 3600.0)
    server.ended = True
    assert asyncio.run(make(LOOP).until(lambda: False)) is False
