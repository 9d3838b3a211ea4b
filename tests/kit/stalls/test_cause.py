"""The kind of code at a line, which selects the advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from asgi_liveness.serving.records import Frame, Sample, ThreadStack
from asgi_liveness.stalls.advice import Kind, advice
from asgi_liveness.stalls.cause import cause, computes, passing
from asgi_liveness.stalls.line import Line
from asgi_liveness.stalls.stalls import Stall
from tests.kit.checking.windows import (
    IDLE_WORKER,
    INSTALLED,
    REPORT,
    STANDARD,
    samples,
    thread,
)

APP = """\
async def report():
    while True:
        work()
    wait()


async def awaits():
    await database()
    work()


def work():
    for row in rows:
        crunch(row)


async def mistaken():
    await asyncio.to_thread(work())
    loop.run_in_executor(None, work())
    Thread(target=work()).start()
    await asyncio.to_thread(work)


def plain():
    work()
"""


def installed(module: str, function: str = "call") -> Frame:
    return Frame(f"{INSTALLED}/{module}.py", 5, function)


FASTAPI = installed("fastapi/routing", "run_endpoint_function")
LITESTAR = installed("litestar/routes/http", "handle")
RESULT = Frame(f"{STANDARD}/concurrent/futures/_base.py", 451, "result")
EMIT = Frame(f"{STANDARD}/logging/__init__.py", 9, "emit")
WAIT = Frame(f"{STANDARD}/threading.py", 327, "wait")


@pytest.fixture
def app(tmp_path: Path) -> str:
    (tmp_path / "app.py").write_text(APP)
    return str(tmp_path / "app.py")


def stall(*taken: Sample, ran: float | None = 1.0, collected: float = 0.0) -> Stall:
    line = Line(REPORT, None, 4, (REPORT,))
    return Stall(100.0, 1.0, taken, line, ran=ran, collected=collected)


def kind(at: Frame, *frames: Frame, below: Frame | None = None, of: Stall | None = None) -> Kind:
    return cause(Line(at, below, 4, frames or (at, FASTAPI)), of or stall(), "", ())


@pytest.mark.parametrize(
    ("ran", "computing"), [(None, True), (1.0, True), (0.6, True), (0.4, False)]
)
def test_a_thread_computes_if_it_ran_or_was_not_counted(
    ran: float | None, *, computing: bool
) -> None:
    assert computes(stall(ran=ran)) is computing


def test_a_loop_that_computes_can_yield_only_in_an_async_function(app: str) -> None:
    assert kind(Frame(app, 3, "report")) is Kind.LOOP
    assert kind(Frame(app, 3, "report"), of=stall(ran=None)) is Kind.LOOP
    work, report = Frame(app, 14, "work"), Frame(app, 3, "report")
    assert kind(work, work, report, FASTAPI) is Kind.LOOP_IN_FUNCTION


def test_only_a_handler_that_awaits_nothing_may_become_a_plain_def(app: str) -> None:
    assert kind(Frame(app, 4, "report")) is Kind.CALL_IN_HANDLER
    assert kind(Frame(app, 3, "report"), of=stall(ran=0.1)) is Kind.CALL_IN_HANDLER
    assert kind(Frame(app, 9, "awaits")) is Kind.CALL
    assert kind(REPORT) is not Kind.CALL_IN_HANDLER
    assert "plain `def`" not in advice(Kind.CALL)


def test_only_a_route_is_advised_to_become_a_plain_route(app: str) -> None:
    at = Frame(app, 4, "report")
    assert kind(at, at) is Kind.CALL
    assert kind(at, at, installed("anyio/_backends/_asyncio", "task_wrapper")) is Kind.CALL
    assert kind(at, at, installed("starlette/middleware/base", "__call__")) is Kind.CALL
    assert kind(at, at, LITESTAR) is Kind.CALL


def test_a_hook_that_awaits_nothing_may_become_a_plain_def(app: str) -> None:
    solving = installed("fastapi/dependencies/utils", "solve_dependencies")
    handling = installed("starlette/_exception_handler", "wrapped_app")
    for caller in (solving, handling):
        at, awaits = Frame(app, 4, "report"), Frame(app, 9, "awaits")
        assert kind(at, at, caller, FASTAPI) is Kind.CALL_IN_HOOK
        assert kind(awaits, awaits, caller, FASTAPI) is Kind.CALL
    assert "route" not in advice(Kind.CALL_IN_HOOK)


def test_a_def_that_a_framework_runs_on_the_loop_gets_the_frameworks_way(app: str) -> None:
    plain = Frame(app, 25, "plain")
    assert kind(plain, plain, LITESTAR) is Kind.SYNC_HANDLER
    work = Frame(app, 14, "work")
    assert kind(work, work, plain, LITESTAR) is Kind.SYNC_HANDLER
    providing = installed("litestar/di", "__call__")
    assert kind(plain, plain, providing, LITESTAR) is Kind.SYNC_HANDLER


def test_a_def_that_makes_the_response_is_no_handler(app: str) -> None:
    plain, renders = Frame(app, 25, "plain"), installed("starlette/responses", "__init__")
    assert kind(plain, plain, renders, FASTAPI) is Kind.RESPONSE
    assert kind(plain, plain, installed("starlette/routing", "add_route")) is Kind.CALL


@pytest.mark.parametrize("line", [18, 19, 20])
def test_a_call_that_should_be_passed_is_the_line_to_blame(line: int, app: str) -> None:
    work, mistaken = Frame(app, 14, "work"), Frame(app, line, "mistaken")
    found = passing(Line(work, None, 4, (work, mistaken, FASTAPI)), "")
    assert (found.frame, found.below) == (mistaken, work)
    assert cause(found, stall(), "", ()) is Kind.CALLED


def test_a_call_that_should_be_passed_may_go_deep(app: str) -> None:
    deep, work, mistaken = (
        Frame(app, 25, "plain"),
        Frame(app, 14, "work"),
        Frame(app, 18, "mistaken"),
    )
    frames = (deep, work, mistaken, FASTAPI)
    found = passing(Line(deep, None, 4, frames), "")
    assert (found.frame, found.below) == (mistaken, work)
    assert cause(found, stall(), "", ()) is Kind.CALLED
    assert cause(Line(mistaken, deep, 4, frames), stall(), "", ()) is Kind.CALLED


def test_a_function_that_is_passed_is_no_mistake(app: str) -> None:
    work, right = Frame(app, 14, "work"), Frame(app, 21, "mistaken")
    line = Line(work, None, 4, (work, right, FASTAPI))
    assert passing(line, "") == line


# Code that is not the user's.


@pytest.mark.parametrize(
    ("frames", "found"),
    [
        ([installed("opentelemetry/sdk/trace/export/__init__", "on_end")], Kind.SPANS),
        (
            [installed("rich/logging"), Frame(f"{STANDARD}/logging/__init__.py", 9, "emit")],
            Kind.LOGGING,
        ),
        ([Frame(f"{STANDARD}/json/encoder.py", 9, "iterencode"), FASTAPI], Kind.RESPONSE),
        ([installed("fastapi/encoders", "jsonable_encoder"), FASTAPI], Kind.RESPONSE),
        ([installed("starlette/responses", "render"), FASTAPI], Kind.RESPONSE),
        ([installed("quart/json/provider", "dumps"), installed("quart/app")], Kind.RESPONSE),
        ([installed("fastapi/dependencies/utils", "request_body_to_args"), FASTAPI], Kind.BODY),
        ([Frame(f"{STANDARD}/json/decoder.py", 9, "decode"), FASTAPI], Kind.BODY),
        ([installed("starlette/formparsers", "parse"), FASTAPI], Kind.BODY),
        ([installed("babel/core", "load")], Kind.LIBRARY),
    ],
)
def test_installed_code_gets_advice_for_what_it_is(frames: list[Frame], found: Kind) -> None:
    assert kind(frames[0], *frames) is found
    assert "sleep(0)" not in advice(found)
    assert "plain `def`" not in advice(found)


def test_a_function_of_the_app_that_a_library_calls_is_around_the_handler() -> None:
    validation = installed("pydantic/main", "validate")
    parsing = installed("fastapi/dependencies/utils", "solve_dependencies")
    assert kind(REPORT, REPORT, validation, parsing, FASTAPI) is Kind.BODY
    assert kind(REPORT, REPORT, installed("celery/app")) is Kind.LIBRARY


def test_a_log_line_of_the_app_is_a_matter_of_the_log(app: str) -> None:
    assert kind(Frame(app, 4, "report"), EMIT, Frame(app, 4, "report"), FASTAPI) is Kind.LOGGING


def test_the_apps_own_log_handler_is_a_matter_of_the_log(app: str) -> None:
    works, logs = Frame(app, 14, "work"), Frame(app, 4, "report")
    rolls = Frame(f"{STANDARD}/logging/handlers.py", 115, "rotate")
    lzma = Frame(f"{STANDARD}/lzma.py", 328, "compress")
    assert kind(works, lzma, works, rolls, EMIT, logs, FASTAPI) is Kind.LOGGING
    assert kind(works, works, EMIT, installed("uvicorn/server", "startup")) is Kind.LOGGING
    exports = installed("opentelemetry/sdk/trace/export/__init__", "on_end")
    assert kind(works, works, exports, logs, FASTAPI) is Kind.SPANS
    own = Frame("/srv/myapp/logging/handlers.py", 3, "listed")
    assert kind(own, own, FASTAPI) is not Kind.LOGGING


def test_an_async_session_that_computes_needs_fewer_rows(app: str) -> None:
    orm = installed("sqlalchemy/orm/loading", "_instance")
    spawn = installed("sqlalchemy/util/concurrency", "greenlet_spawn")
    at = Frame(app, 8, "awaits")
    assert kind(at, orm, spawn, at, FASTAPI) is Kind.ROWS
    assert "async counterpart" not in advice(Kind.ROWS)


def test_an_orm_that_makes_many_objects_inserts_in_bulk(app: str) -> None:
    at, each = Frame(app, 8, "awaits"), Frame(app, 8, "<listcomp>")
    makes = (installed("sqlalchemy/orm/state", "_initialize_instance"), Frame("<string>", 4, "new"))
    adds = installed("sqlalchemy/ext/asyncio/session", "add_all")
    taken = (*samples(*makes, each, at, count=3), *samples(at, count=1))
    assert kind(at, at, FASTAPI, of=stall(*taken)) is Kind.ROWS
    assert kind(at, adds, at, FASTAPI) is Kind.ROWS
    assert "insert in bulk" in advice(Kind.ROWS)
    assert kind(at, adds, at, FASTAPI, of=stall(ran=0.1)) is Kind.CALL
    assert kind(at, at, FASTAPI, of=stall(*taken[2:])) is Kind.CALL
    assert kind(at, at, adds, FASTAPI) is not Kind.ROWS


# Who holds the processor.


def test_code_that_holds_the_gil_comes_before_what_it_is(app: str) -> None:
    held = samples(REPORT, gil_held=True)
    assert kind(Frame(app, 3, "report"), of=stall(*held)) is Kind.GIL
    another = tuple(replace(one, by_another=9) for one in held)
    assert kind(Frame(app, 3, "report"), of=stall(*another)) is Kind.GIL_IN_THREAD


def test_a_framework_that_holds_the_gil_gets_less_to_do() -> None:
    encodes = installed("litestar/serialization/msgspec_hooks", "encode_json")
    held = samples(encodes, gil_held=True)
    assert kind(encodes, encodes, LITESTAR, of=stall(*held)) is Kind.RESPONSE
    validates = installed("pydantic/main", "validate")
    parses = installed("fastapi/dependencies/utils", "request_body_to_args")
    assert kind(validates, validates, parses, of=stall(*held)) is Kind.BODY
    assert kind(REPORT, REPORT, encodes, LITESTAR, of=stall(*held)) is Kind.GIL
    library = installed("babel/core", "load")
    assert kind(library, library, LITESTAR, of=stall(*held)) is Kind.GIL
    another = tuple(replace(one, by_another=9) for one in held)
    assert kind(encodes, encodes, LITESTAR, of=stall(*another)) is Kind.GIL_IN_THREAD


def test_one_sample_of_a_held_gil_among_many_does_not_count(app: str) -> None:
    taken = samples(REPORT, count=9)
    late = replace(taken[-1], gil_held=True)  # the watcher thread was late once
    assert kind(Frame(app, 3, "report"), of=stall(*taken[:-1], late)) is Kind.LOOP


@pytest.mark.parametrize(("collected", "found"), [(0.6, Kind.COLLECTOR), (0.4, Kind.LOOP)])
def test_a_pass_of_the_collector_that_took_most_is_the_cause(
    collected: float, found: Kind, app: str
) -> None:
    assert kind(Frame(app, 3, "report"), of=stall(collected=collected)) is found
    assert "gc.freeze()" in advice(Kind.COLLECTOR)


def test_a_background_task_is_one_also_in_a_loop(app: str) -> None:
    at, runs = Frame(app, 3, "report"), installed("starlette/background", "__call__")
    assert kind(at, at, runs, FASTAPI) is Kind.BACKGROUND


def test_a_background_task_that_awaits_stays_async(app: str) -> None:
    at, runs = Frame(app, 9, "awaits"), installed("starlette/background", "__call__")
    assert kind(at, at, runs, FASTAPI) is Kind.CALL


# Waits for other threads.


def waits(at: Frame, *frames: Frame, of: Stall, threads: Sequence[ThreadStack] = ()) -> Kind:
    return cause(Line(at, None, 4, (*frames, at, FASTAPI)), of, "", threads)


def test_a_wait_that_no_thread_can_end_is_a_deadlock(app: str) -> None:
    at, idle = Frame(app, 4, "report"), [thread(*IDLE_WORKER)]
    endless = replace(stall(ran=0.0), goes_on=True)
    assert waits(at, WAIT, RESULT, of=endless, threads=idle) is Kind.DEADLOCK
    assert waits(at, WAIT, of=endless, threads=idle) is Kind.DEADLOCK_ON_LOCK
    assert waits(at, WAIT, RESULT, of=stall(ran=0.0), threads=idle) is Kind.RESULT


def test_a_result_is_awaited_where_the_line_itself_waits_for_it(app: str) -> None:
    of, at, plain = stall(ran=0.0), Frame(app, 4, "report"), Frame(app, 25, "plain")
    assert waits(at, WAIT, RESULT, of=of) is Kind.RESULT
    assert waits(at, WAIT, RESULT, installed("clients/base"), of=of) is not Kind.RESULT
    assert waits(at, WAIT, of=of) is not Kind.RESULT
    assert waits(plain, WAIT, RESULT, of=of) is not Kind.RESULT
    pool = Frame(f"{STANDARD}/concurrent/futures/thread.py", 235, "shutdown")
    leaves = Frame(RESULT.file, 647, "__exit__")
    assert waits(at, WAIT, pool, leaves, of=of) is not Kind.RESULT
