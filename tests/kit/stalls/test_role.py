"""What the app's outermost function is to its framework."""

from __future__ import annotations

import pytest

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.line import Line
from asgi_liveness.stalls.role import Role, role_of
from tests.kit.checking.windows import INSTALLED, STANDARD


def role(function: str, *callers: str) -> Role | None:
    """Return the role of *function*; each caller is a file and its function, the nearest first."""
    own = Frame("/srv/myapp/views.py", 4, function)
    outer = [Frame(file, 5, name) for file, _, name in (each.partition(" ") for each in callers)]
    return role_of(own, Line(own, None, 4, (own, *outer)))


@pytest.mark.parametrize(
    ("function", "caller", "found"),
    [
        ("view", "fastapi/routing.py run_endpoint_function", Role.ROUTE),
        ("view", "starlette/routing.py app", Role.ROUTE),
        ("get", "starlette/endpoints.py dispatch", Role.ROUTE),
        ("view", "quart/app.py dispatch_request", Role.ROUTE),
        ("get", "quart/views.py dispatch_request", Role.ROUTE),
        ("user", "fastapi/dependencies/utils.py solve_dependencies", Role.HOOK),
        ("sorry", "starlette/_exception_handler.py wrapped_app", Role.HOOK),
        ("sorry", "quart/app.py handle_user_exception", Role.HOOK),
        ("view", "litestar/routes/http.py _call_handler_function", Role.ON_LOOP),
        ("user", "litestar/di.py __call__", Role.ON_LOOP),
        ("render", "starlette/responses.py __init__", Role.RESPONSE),
        ("__call__", "starlette/routing.py app", None),
        ("on_receive", "starlette/endpoints.py dispatch", None),
        ("socket", "fastapi/routing.py app", None),
        ("dispatch", "starlette/middleware/base.py __call__", None),
        ("socket", "quart/app.py dispatch_websocket", None),
        ("ticks", "anyio/_backends/_asyncio.py run_sync_from_thread", None),
        ("app", "uvicorn/protocols/http/h11_impl.py run_asgi", None),
    ],
)
def test_the_caller_of_a_function_shows_its_role(
    function: str, caller: str, found: Role | None
) -> None:
    assert role(function, f"{INSTALLED}/{caller}") is found


def test_a_function_of_a_task_has_no_role() -> None:
    assert role("ticks") is None


def test_pythons_own_library_passes_calls_on() -> None:
    enters = f"{STANDARD}/contextlib.py __aenter__"
    solves = f"{INSTALLED}/fastapi/dependencies/utils.py _solve_generator"
    assert role("session", enters, solves) is Role.HOOK
    default = f"{STANDARD}/json/encoder.py iterencode"
    assert role("default", default, f"{INSTALLED}/fastapi/applications.py call") is Role.RESPONSE
