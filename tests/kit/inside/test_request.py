"""Which request a stack serves, with nothing of what a client sent."""

from __future__ import annotations

import asyncio
import sys
import weakref
from types import SimpleNamespace
from typing import Any

import pytest

from asgi_liveness.inside.injected import stacks
from asgi_liveness.inside.injected.request import request_of

Scope = dict[str, Any]


async def app(scope: Scope, receive: object, send: object) -> str:
    found = innermost()
    del scope, receive, send
    return found


async def middleware(scope: object, receive: object, send: object) -> str:
    del scope
    return await app({"type": "http", "method": "GET"}, receive, send)


def innermost() -> str:
    return request_of(list(stacks.callers(sys._getframe())))


def request(**scope: Any) -> str:
    return asyncio.run(app(scope, None, None))


ROUTE = SimpleNamespace(path="/users/{id}")


@pytest.mark.parametrize(
    ("scope", "shown"),
    [
        ({"type": "http", "method": "GET", "route": ROUTE}, "GET /users/{id}"),
        ({"type": "websocket", "route": ROUTE}, "WS /users/{id}"),
        ({"type": "http", "method": "POST"}, "POST"),
        (
            {"method": "GET", "route": ROUTE, "app_root_path": "", "root_path": "/secret"},
            "GET .../users/{id}",
        ),
        ({"method": "GET", "route": ROUTE, "root_path": "/proxied"}, "GET /users/{id}"),
        ({"type": "http", "method": "X-SECRET", "route": ROUTE}, "/users/{id}"),
        ({"type": "lifespan"}, ""),
        ({}, ""),
    ],
)
def test_a_request_is_its_method_and_the_template_of_its_route(scope: Scope, shown: str) -> None:
    assert request(**scope, path="/users/secret", query_string=b"token=secret") == shown


def test_a_route_is_found_by_its_endpoint_where_none_is_named() -> None:
    routes = [SimpleNamespace(path="/a", endpoint=print), SimpleNamespace(path="/b", endpoint=len)]
    router = SimpleNamespace(routes=routes)
    assert request(type="http", method="GET", router=router, endpoint=len) == "GET /b"
    assert request(type="http", method="GET", router=router, endpoint=abs) == "GET"
    assert request(type="http", method="GET", router=router) == "GET"


class Hidden:
    """A route whose attributes run code of the app."""

    @property
    def path(self) -> str:
        raise AssertionError("it was read")


def test_no_code_of_the_app_runs() -> None:
    assert request(type="http", method="GET", route=Hidden()) == "GET"


async def handler(scope: str) -> str:
    assert scope
    return innermost()


def plain(scope: Scope) -> str:
    assert scope
    return innermost()


def test_a_scope_is_an_argument_of_a_coroutine_and_a_dictionary() -> None:
    assert asyncio.run(handler("GET /users")) == ""
    assert plain({"method": "GET"}) == ""


def test_the_innermost_frame_is_not_read() -> None:
    async def read(scope: Scope) -> str:
        assert scope
        return request_of(list(stacks.callers(sys._getframe())))

    assert asyncio.run(read({"method": "GET"})) == ""


def test_a_scope_that_a_middleware_deleted_is_that_of_the_app_within() -> None:
    assert asyncio.run(middleware({}, None, None)) == "GET"


def test_a_frame_keeps_nothing_that_its_variables_named() -> None:
    async def app(scope: Scope) -> bool:
        made = Hidden()
        reference = weakref.ref(made)
        assert innermost() == scope["method"]
        del made
        return reference() is None

    assert asyncio.run(app({"method": "GET"}))


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="f_locals is a view there (PEP 667)")
def test_a_frame_that_a_debugger_traces_is_left_alone() -> None:
    async def app(scope: Scope) -> str:
        sys._getframe().f_trace = lambda *_: None
        assert scope
        return innermost()

    assert asyncio.run(app({"method": "GET"})) == ""
