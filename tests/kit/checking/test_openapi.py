"""The routes of an OpenAPI document: those that a check may call, and what the others need."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from asgi_liveness.checking import openapi
from asgi_liveness.checking.openapi import PATHS, Listed, listed, names, plain_gets, read_document


def found(handler: Any) -> list[str] | None:
    """Return the paths found in the document of an app that responds as *handler* does."""

    with pytest.MonkeyPatch.context() as patched:
        patch_client(patched, handler)
        return asyncio.run(plain_gets("http://app"))


def patch_client(patched: pytest.MonkeyPatch, handler: Any) -> None:
    """Let an app respond as *handler* does."""

    def open_client(url: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=url, transport=httpx.MockTransport(handler))

    patched.setattr(openapi, "open_client", open_client)


async def stream(body: bytes) -> AsyncIterator[bytes]:
    yield body


def serving(documents: dict[str, Any]) -> Any:
    """Return an app that has these *documents*, a text or JSON for each path."""

    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "app"
        found = documents.get(request.url.path)
        if found is None:
            return httpx.Response(404)
        if isinstance(found, str):
            return httpx.Response(200, text=found)
        return httpx.Response(200, json=found)

    return handler


def documented(paths: object) -> list[str] | None:
    """Return the paths found in a document that has these *paths*."""
    return found(serving({"/openapi.json": {"openapi": "3.1.0", "paths": paths}}))


REQUIRED = {"name": "q", "in": "query", "required": True}
OPTIONAL = {"name": "q", "in": "query", "required": False}


def test_the_document_is_read_where_frameworks_serve_it() -> None:
    for path in PATHS:
        assert found(serving({path: {"paths": {"/a": {"get": {}}}}})) == ["/a"]


def test_the_page_of_the_document_names_a_path_of_the_app_alone() -> None:
    page = (
        "url: '/v2/api.json', a: \"/none.json\", b: 'http://evil.example/api.json', c: '//b/c.json'"
    )
    documents = {"/docs": page, "/v2/api.json": {"paths": {"/a": {"get": {}}}}}
    assert found(serving(documents)) == ["/a"]
    assert found(serving({"/docs": page})) is None


def test_the_headers_go_to_the_app_and_no_redirect_is_followed() -> None:
    asked: list[tuple[str, str]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.host, request.headers["authorization"]))
        return httpx.Response(302, headers={"Location": "http://evil.example/openapi.json"})

    with pytest.MonkeyPatch.context() as patched:
        patch_client(patched, handler)
        assert asyncio.run(read_document("http://app", (("Authorization", "t"),))) is None
    assert {*asked} == {("app", "t")}


def test_a_document_without_an_end_is_given_up() -> None:
    async def flood() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 2**20

    assert found(lambda _: httpx.Response(200, content=flood())) is None


def test_a_compressed_document_is_not_unpacked() -> None:
    body = gzip.compress(b'{"paths": {"/a": {"get": {}}}}')
    headers = {"Content-Encoding": "gzip"}
    assert found(lambda _: httpx.Response(200, content=stream(body), headers=headers)) is None


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
    for reference in ("#/components/parameters/q", "elsewhere.json#/q", "", 5):
        item = {"get": {"parameters": [{"$ref": reference}]}}
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
    monkeypatch.setattr(openapi, "_LIMIT", 0.01)

    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(3600)
        raise AssertionError

    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    assert found(hang) is None
    assert found(refuse) is None


# What a route needs.


def route(path: str, method: str = "get", /, **operation: Any) -> Listed:
    """Return how a document's only route is listed."""
    further = operation.pop("document", {})
    document: dict[str, Any] = {"paths": {path: {method: operation}}, **further}
    (row,) = listed(document, actions=False, let_in=False)
    return row


BODY: dict[str, Any] = {"content": {"application/json": {}}}
FORM: dict[str, Any] = {"content": {"application/x-www-form-urlencoded": {}}}


@pytest.mark.parametrize(
    ("row", "why", "example", "words"),
    [
        (route("/a"), "", "GET /a", ()),
        (route("/a", "delete"), "it may change data", "DELETE /a", ()),
        (
            route("/a", "post", requestBody=BODY),
            "it may change data and it needs a body",
            "POST /a",
            ("-d", "@body"),
        ),
        (
            route("/a", "post", requestBody=FORM),
            "it may change data and it needs a body",
            "POST /a",
            ("-H", "Content-Type: application/x-www-form-urlencoded", "-d", "@body"),
        ),
        (
            route(
                "/a/{b}", parameters=[{"name": "b", "in": "path", "schema": {"type": "integer"}}]
            ),
            "it needs {b}",
            "GET /a/1",
            (),
        ),
        (route("/a/{b}/{c:path}"), "it needs {b} and {c:path}", "GET /a/b/c%3Apath", ()),
        (
            route("/a", parameters=[{**REQUIRED, "schema": {"default": "x y"}}]),
            "it needs q",
            "GET /a?q=x%20y",
            (),
        ),
        (
            route("/a", parameters=[{"name": "X-Token", "in": "header", "required": True}]),
            "it needs X-Token",
            "GET /a",
            ("-H", "X-Token: ..."),
        ),
        (
            route("/a", parameters=[{"name": "id", "in": "cookie", "required": True}]),
            "it needs id",
            "GET /a",
            ("-H", "Cookie: id=..."),
        ),
        (
            route("/a", security=[{"OAuth2": []}]),
            "it needs a login",
            "GET /a",
            ("-H", "Authorization: ..."),
        ),
        (
            route("/a", document={"security": [{"OAuth2": []}]}),
            "it needs a login",
            "GET /a",
            ("-H", "Authorization: ..."),
        ),
        (route("/a", security=[{}, {"OAuth2": []}]), "", "GET /a", ()),
        (route("/a", security=[], document={"security": [{"OAuth2": []}]}), "", "GET /a", ()),
    ],
)
def test_a_route_is_listed_with_what_it_needs(
    row: Listed, why: str, example: str, words: tuple[str, ...]
) -> None:
    assert (row.why, row.example, row.words) == (why, example, words)


def test_a_parameter_behind_a_reference_is_named() -> None:
    components = {"parameters": {"q": REQUIRED}}
    reference = {"$ref": "#/components/parameters/q"}
    row = route("/a", parameters=[reference], document={"components": components})
    assert (row.why, row.example) == ("it needs q", "GET /a?q=q")


def test_a_login_is_no_reason_where_the_calls_carry_one() -> None:
    document: dict[str, Any] = {"paths": {"/a": {"get": {"security": [{"OAuth2": []}]}}}}
    (row,) = listed(document, actions=False, let_in=True)
    assert row.why == ""


@pytest.mark.parametrize(
    "path",
    [
        *("/logout", "/log-out", "/sign_off", "/delete-all", "/users/me/delete", "/deleteAll"),
        *("/admin/shutdown", "/shut-down", "/cache/clear", "/reset_password", "/v1/send-mail"),
    ],
)
def test_a_path_that_looks_like_an_action_is_left_out_unless_all_are_wanted(path: str) -> None:
    row = route(path)
    assert row.why == "its name looks like an action; --openapi=all tries it"
    (row,) = listed({"paths": {path: {"get": {}}}}, actions=True, let_in=False)
    assert row.why == ""


def test_an_action_is_known_by_its_summary_or_id_as_well() -> None:
    assert route("/bye", summary="Log Out").why
    assert route("/all", operationId="delete_everything_all_get").why
    assert not route("/all", operationId="read_deleted_all_get", summary="Read what to delete").why


@pytest.mark.parametrize(
    "path", ["/report", "/export", "/orders", "/logs", "/signals", "/deleted", "/status", "/sleep"]
)
def test_a_path_that_reads_is_no_action(path: str) -> None:
    assert route(path).why == ""


@pytest.mark.parametrize(
    "path",
    [
        *(
            "http://evil.example/a",
            "//evil.example/a",
            "https:/a",
            "a",
            "",
            "/a b",
            "/a\n::error::",
        ),
        *("/\u202etxt", "/{a\u202e}"),
        *("/{\ud800}", "/a\x1b[2J", "/a\u009b", "/\ud800", "/" + "a" * 70_000, "@evil.example"),
    ],
)
def test_an_odd_path_is_left_out_and_shown_in_one_short_line(path: str) -> None:
    row = route(path)
    assert (row.why, row.example) == ("its path is none that an app has", "")
    assert len(row.path) < 300
    assert row.path.isprintable()


@pytest.mark.parametrize(
    "operation",
    [
        {"requestBody": 5},
        {"requestBody": {"content": []}},
        {"requestBody": {"content": {"evil\n": {}}}},
        {"requestBody": {"$ref": "#/paths"}},
        {"security": {"a": 1}},
        {"security": 5},
        {"summary": 5, "operationId": []},
        {"parameters": [{"in": "path"}, {"name": ["a"], "in": {}}]},
        {"parameters": [{"name": "a\nb\x1b", "in": "query", "required": True}]},
        {"parameters": [{"name": "\ud800", "in": "query", "required": True, "schema": 5}]},
    ],
)
def test_an_odd_description_raises_nothing_and_stays_in_its_line(operation: dict[str, Any]) -> None:
    row = route("/a/{b}", **operation)
    assert f"{row.why}{row.example}{''.join(row.words)}".isprintable()


@pytest.mark.parametrize(
    ("path", "named"),
    [("/users/7", True), ("/users/7?full=1", True), ("/users/7/x", False), ("/users/", False)],
)
def test_a_request_is_known_as_one_of_a_route(path: str, *, named: bool) -> None:
    assert names(route("/users/{id}"), "GET", path) is named
    assert not names(route("/users/{id}"), "POST", path)
