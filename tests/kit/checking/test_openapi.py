"""Which routes of an OpenAPI document can be asked for as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest

from asgi_liveness.checking import openapi
from asgi_liveness.checking.openapi import plain_gets
from asgi_liveness.checking.served import Served

Handler = Callable[[httpx.Request], httpx.Response]


class Target:
    """What answers like this."""

    def __init__(self, handler: Any) -> None:
        self._handler = handler

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url="http://app", transport=httpx.MockTransport(self._handler)
        )


def asked(handler: Any) -> list[str] | None:
    return asyncio.run(plain_gets(cast("Served", Target(handler))))


def documented(paths: object) -> list[str] | None:
    return asked(lambda _: httpx.Response(200, json={"openapi": "3.1.0", "paths": paths}))


REQUIRED = {"name": "q", "in": "query", "required": True}
OPTIONAL = {"name": "q", "in": "query", "required": False}


def test_it_is_asked_for_where_frameworks_have_it() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("GET", "/openapi.json")
        return httpx.Response(200, json={"paths": {"/a": {"get": {}}}})

    assert asked(handler) == ["/a"]


@pytest.mark.parametrize(
    ("item", "plain"),
    [
        ({"get": {}}, True),
        ({"get": {"parameters": []}, "post": {}}, True),
        ({"get": {"parameters": [OPTIONAL, {"name": "x", "in": "header"}]}}, True),
        ({"get": {"parameters": [OPTIONAL, REQUIRED]}}, False),
        ({"get": {}, "parameters": [OPTIONAL]}, True),
        ({"get": {}, "parameters": [REQUIRED]}, False),
        ({"get": {}, "post": {"parameters": [REQUIRED]}}, True),
        ({"post": {}}, False),
        ({"head": {}}, False),
        ({}, False),
        ({"get": None}, False),
        ([], False),
        (None, False),
    ],
)
def test_a_get_without_a_parameter_that_must_be_given_is_plain(
    item: object, *, plain: bool
) -> None:
    assert documented({"/a": item}) == (["/a"] if plain else [])


@pytest.mark.parametrize(
    "item",
    [
        {"get": {"parameters": None}},
        {"get": {"parameters": {"q": REQUIRED}}},
        {"get": {"parameters": ["q"]}},
        {"get": {}, "parameters": None},
    ],
)
def test_parameters_that_are_no_list_of_them_are_no_failure(item: object) -> None:
    documented({"/a": item})


def test_a_parameter_that_is_described_elsewhere_may_be_needed() -> None:
    item = {"get": {"parameters": [{"$ref": "#/components/parameters/q"}]}}
    assert documented({"/a": item}) == []


def test_a_path_that_has_a_parameter_is_not_plain_and_the_order_is_the_documents() -> None:
    get: dict[str, Any] = {"get": {}}
    paths = {"/z": get, "/users/{id}": get, "/a": get, "/": get}
    assert documented(paths) == ["/z", "/a", "/"]


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(404, json={"detail": "Not Found"}),
        httpx.Response(404, json={"paths": {"/a": {"get": {}}}}),
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, content=b"\xff"),
        httpx.Response(200, json=["paths"]),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"paths": None}),
        httpx.Response(200, json={"paths": ["/a"]}),
        httpx.Response(302, headers={"Location": "/docs"}),
    ],
)
def test_what_is_no_document_is_none(response: httpx.Response) -> None:
    assert asked(lambda _: response) is None


def test_a_document_without_routes_is_one() -> None:
    assert documented({}) == []


def test_a_server_that_does_not_answer_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openapi, "_PATIENCE", 0.01)

    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(3600)
        raise AssertionError

    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    assert asked(hang) is None
    assert asked(refuse) is None
