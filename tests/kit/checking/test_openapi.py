"""The routes of an OpenAPI document that a check can request without parameters."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from asgi_liveness.checking import openapi
from asgi_liveness.checking.openapi import plain_gets


def found(handler: Any) -> list[str] | None:
    """Return the paths found in the document of an app that responds as *handler* does."""

    def open_client(url: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=url, transport=httpx.MockTransport(handler))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(openapi, "open_client", open_client)
        return asyncio.run(plain_gets("http://app"))


def documented(paths: object) -> list[str] | None:
    """Return the paths found in a document that has these *paths*."""
    return found(lambda _: httpx.Response(200, json={"openapi": "3.1.0", "paths": paths}))


REQUIRED = {"name": "q", "in": "query", "required": True}
OPTIONAL = {"name": "q", "in": "query", "required": False}


def test_the_document_is_read_where_frameworks_serve_it() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("GET", "/openapi.json")
        return httpx.Response(200, json={"paths": {"/a": {"get": {}}}})

    assert found(handler) == ["/a"]


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
def test_a_get_route_without_required_parameters_is_plain(item: object, *, plain: bool) -> None:
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
def test_malformed_parameters_raise_nothing(item: object) -> None:
    documented({"/a": item})


def test_a_parameter_behind_a_reference_counts_as_required() -> None:
    item = {"get": {"parameters": [{"$ref": "#/components/parameters/q"}]}}
    assert documented({"/a": item}) == []


def test_paths_with_parameters_are_left_out_and_the_order_is_kept() -> None:
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
def test_a_response_that_is_no_document_gives_none(response: httpx.Response) -> None:
    assert found(lambda _: response) is None


def test_a_document_without_routes_gives_an_empty_list() -> None:
    assert documented({}) == []


def test_a_server_that_does_not_respond_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openapi, "_RESPONSE_LIMIT", 0.01)

    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(3600)
        raise AssertionError

    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    assert found(hang) is None
    assert found(refuse) is None
