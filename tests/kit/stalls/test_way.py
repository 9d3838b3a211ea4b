"""How a stall got to its line."""

from __future__ import annotations

import pytest

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.line import Line
from asgi_liveness.stalls.way import STEPS, callers, is_called_by_library, steps
from tests.kit.checking.windows import INSTALLED, OTHER, RANDINT, REPORT, STANDARD


def installed(module: str, function: str = "call") -> Frame:
    return Frame(f"{INSTALLED}/{module}.py", 5, function)


FASTAPI = installed("fastapi/routing", "app")
STARLETTE = installed("starlette/routing", "__call__")
UVICORN = installed("uvicorn/protocols/http/h11_impl", "run_asgi")
EXPORT = installed("opentelemetry/sdk/trace/export/__init__", "on_end")
REQUESTS = installed("requests/sessions", "send")
URLLIB3 = installed("urllib3/connection", "getresponse")
EMIT = Frame(f"{STANDARD}/logging/__init__.py", 1104, "emit")
ENTERS = Frame(f"{STANDARD}/contextlib.py", 144, "__exit__")
SOCKET = Frame(f"{STANDARD}/socket.py", 706, "readinto")


def line(frame: Frame, *frames: Frame) -> Line:
    return Line(frame, None, 4, frames)


def test_the_way_has_a_step_for_each_package() -> None:
    stack = (SOCKET, URLLIB3, REQUESTS, EXPORT, FASTAPI, STARLETTE, UVICORN)
    assert steps(line(EXPORT, *stack), "") == (
        *("fastapi", "opentelemetry.sdk.trace.export on_end"),
        *("requests", "urllib3"),
    )


def test_the_way_begins_with_the_apps_own_function() -> None:
    stack = (URLLIB3, REQUESTS, REPORT, EXPORT, OTHER, FASTAPI, UVICORN)
    assert steps(line(REQUESTS, *stack), "") == (
        *("other()", "opentelemetry", "requests.sessions send", "urllib3"),
    )


def test_a_log_handler_that_a_server_calls_shows_the_server() -> None:
    found = steps(line(EMIT, installed("rich/console"), EMIT, UVICORN), "")
    assert found == ("uvicorn", "logging emit", "rich")


def test_a_long_way_leaves_out_its_middle() -> None:
    libraries = [installed(f"library{number}/x") for number in range(9)]
    found = steps(line(libraries[0], *libraries), "")
    assert len(found) == STEPS
    assert found[2] == "..."
    assert found[-1] == "library0.x call"


@pytest.mark.parametrize(
    "stack", [(REPORT,), (REPORT, FASTAPI, UVICORN), (RANDINT, REPORT, OTHER, FASTAPI)]
)
def test_code_of_the_app_alone_needs_no_way(stack: tuple[Frame, ...]) -> None:
    assert steps(line(REPORT, *stack), "") == ()


@pytest.mark.parametrize("between", [RANDINT, ENTERS])
def test_the_way_within_the_app_leaves_out_plumbing(between: Frame) -> None:
    found = steps(line(REPORT, REPORT, between, OTHER, ENTERS, FASTAPI, UVICORN), "")
    assert found == (() if between == ENTERS else ("other()", "random", "report()"))


def test_a_line_that_a_library_calls_has_a_way() -> None:
    stack = (SOCKET, REQUESTS, REPORT, installed("pydantic/main"), OTHER, FASTAPI)
    assert steps(line(REPORT, *stack), "") == ("other()", "pydantic", "report()")


def test_a_line_of_a_framework_that_the_app_calls_names_no_package_outside() -> None:
    reads, parses = installed("starlette/requests", "json"), installed("orjson/parser", "loads")
    assert steps(line(parses, parses, reads, OTHER, FASTAPI, STARLETTE, UVICORN), "") == (
        *("other()", "starlette", "orjson.parser loads"),
    )


def test_the_way_to_code_around_the_handler_begins_with_the_handler() -> None:
    stack = (REPORT, installed("pydantic/main"), FASTAPI, STARLETTE, UVICORN)
    assert steps(line(REPORT, *stack), "", OTHER) == ("other()", "fastapi", "pydantic", "report()")
    assert steps(line(REPORT, *stack), "", REPORT) == ("fastapi", "pydantic", "report()")
    assert steps(line(REPORT, *stack), "") == ("fastapi", "pydantic", "report()")


def test_a_line_of_the_framework_itself_needs_no_other_server() -> None:
    encodes = installed("litestar/serialization", "encode_json")
    stack = (encodes, installed("litestar/routes"), UVICORN)
    assert steps(line(encodes, *stack), "", OTHER) == (
        *("other()", "litestar.serialization encode_json"),
    )
    assert steps(line(encodes, *stack), "") == ()


def test_callers_are_the_apps_functions_up_to_the_handler() -> None:
    handler = Frame("/srv/myapp/views.py", 3, "export")
    stack = (RANDINT, REPORT, OTHER, EXPORT, handler, FASTAPI)
    assert callers(line(REPORT, *stack), "") == (OTHER, handler)
    assert callers(line(handler, *stack), "") == ()
    assert callers(line(EXPORT, EXPORT, FASTAPI), "") == ()


def test_a_middleware_that_passes_on_is_no_caller() -> None:
    middleware = Frame("/srv/myapp/middleware.py", 9, "__call__")
    stack = (REPORT, FASTAPI, STARLETTE, middleware, UVICORN)
    assert callers(line(REPORT, *stack), "") == ()


@pytest.mark.parametrize(
    ("outer", "library"),
    [((), False), ((FASTAPI,), False), ((UVICORN,), False), ((EXPORT, FASTAPI), True)],
)
def test_a_function_of_the_app_may_be_called_by_a_library(
    outer: tuple[Frame, ...], *, library: bool
) -> None:
    assert is_called_by_library(line(REPORT, REPORT, *outer), "") is library
    assert is_called_by_library(line(EXPORT, EXPORT, FASTAPI), "")
