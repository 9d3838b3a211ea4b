"""What a check does with the routes of an OpenAPI document, and says of the others."""

from __future__ import annotations

from typing import Any

import pytest

from asgi_liveness.checking.before import Before
from asgi_liveness.checking.call import Call
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.planned import MOST, planned, retry
from asgi_liveness.checking.untried import Untried, listing
from asgi_liveness.errors import UsageError

DOCUMENT: dict[str, Any] = {
    "paths": {
        "/a": {"get": {}},
        "/b": {"get": {}, "post": {"requestBody": {}}},
        "/items/{id}": {"get": {}},
        "/me": {"get": {"security": [{"OAuth2": []}]}},
        "/logout": {"get": {}},
        "//evil.example": {"get": {}},
    }
}


def plan(*named: Call, document: Any = DOCUMENT, **changes: Any) -> Any:
    return planned(Options("a:app", **{"openapi": True, **changes}), document, named)


def test_only_routes_that_read_and_need_nothing_are_called_and_all_others_are_listed() -> None:
    found = plan()
    assert [str(call) for call in found.calls] == ["GET /a", "GET /b"]
    assert [(str(row), row.why, row.command) for row in found.untried] == [
        (
            "POST /b",
            "it may change data",
            "asgi-liveness check a:app --during 'POST /b'",
        ),
        (
            "GET /items/{id}",
            "it needs {id}",
            "asgi-liveness check a:app --during 'GET /items/id'",
        ),
        (
            "GET /me",
            "it needs a login",
            "asgi-liveness check a:app --during 'GET /me' -H 'Authorization: ...'",
        ),
        (
            "GET /logout",
            "its name looks like an action; --openapi=all tries it",
            "asgi-liveness check a:app --during 'GET /logout'",
        ),
        ("GET //evil.example", "its path is none that an app has", ""),
    ]
    assert found.announcement == "--openapi calls GET /a, GET /b; left out: 5"


def test_openapi_all_calls_actions_as_well() -> None:
    assert "GET /logout" in [str(call) for call in plan(openapi="all").calls]


def test_a_login_lets_in_and_stands_in_the_command() -> None:
    found = plan(before=(Before("POST /login", body=b"s3cret"),), headers=("A: s3cret",))
    assert [str(call) for call in found.calls] == ["GET /a", "GET /b", "GET /me"]
    assert found.calls[0].headers == (("A", "s3cret"),)
    assert found.untried[0].command == (
        "asgi-liveness check a:app --during 'POST /b' -H 'A: ...' --before 'POST /login' -d ..."
    )


def test_routes_that_are_named_are_neither_called_again_nor_listed() -> None:
    found = plan(Call("GET", "/a?x=1"), Call("GET", "/items/7"), Call("POST", "/b"))
    assert [str(call) for call in found.calls] == ["GET /b"]
    assert [str(row) for row in found.untried] == ["GET /me", "GET /logout", "GET //evil.example"]


def test_the_number_of_calls_is_bounded() -> None:
    paths: dict[str, Any] = {f"/{number}": {"get": {}} for number in range(MOST + 3)}
    found = plan(document={"paths": paths})
    assert len(found.calls) == MOST
    assert [row.why for row in found.untried] == [f"--openapi tries {MOST} routes at most"] * 3


def test_without_the_option_every_route_is_listed_and_none_is_called() -> None:
    found = plan(openapi=False)
    assert found.calls == []
    assert found.untried[0] == Untried(
        "GET",
        "/a",
        "no --during names it; --openapi tries it",
        "asgi-liveness check a:app --during 'GET /a'",
    )


@pytest.mark.parametrize(
    ("paths", "error"),
    [
        (
            {"//evil.example": {"get": {}}, "/b": {"post": {"requestBody": {"content": {}}}}},
            (
                ": POST /b is left out, for it may change data and it needs a body; try "
                "asgi-liveness check a:app --during 'POST /b' -d @body"
            ),
        ),
        ({}, ": the document lists none"),
    ],
)
def test_a_document_with_no_route_to_call_is_an_error(paths: Any, error: str) -> None:
    with pytest.raises(UsageError) as raised:
        plan(document={"paths": paths})
    assert str(raised.value) == f"--openapi finds no route to try by itself{error}"
    assert plan(Call("GET", "/z"), document={"paths": paths}).calls == []
    assert plan(document={"paths": paths}, openapi=False).calls == []


@pytest.mark.parametrize("path", ["/api/health", "/ping", "/readyz", "/status"])
def test_a_path_that_looks_like_a_health_route_is_remembered(path: str) -> None:
    document: dict[str, Any] = {"paths": {"/a": {"get": {}}, path: {"get": {}}}}
    assert plan(document=document).health == path
    assert plan().health == ""


def test_a_call_that_the_app_refused_is_listed_with_the_command_for_it() -> None:
    row = retry(Options("a:app", openapi=True), Call("GET", "/a"), "it answered 401")
    assert row == Untried(
        "GET", "/a", "it answered 401", "asgi-liveness check a:app --during 'GET /a'"
    )


def test_a_long_reason_is_wrapped_beside_its_route() -> None:
    first, *rows = listing((Untried("GET", "/a", "because " * 30), Untried("GET", "/long")))
    assert first == "  Not tried, of its OpenAPI document:"
    assert all(len(row) <= 88 for row in rows)
    assert rows[1].startswith(" " * 15 + "because")
