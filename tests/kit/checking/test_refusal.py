"""A live window in which the app refused every call shows nothing of the request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from asgi_liveness.checking.call import Call
from asgi_liveness.checking.refusal import refusal
from asgi_liveness.probing.response import Response
from tests.kit.checking.windows import call, window

NEEDS = "and did no work: give it the path, the query, -H and -d that it needs"
LOG_IN = "give it what lets it in: -H 'Authorization: ...', or a login first, as --before"


def why(method: str, *calls: Any, **changes: Any) -> str:
    return refusal(Call(method, "/report"), window(calls=calls), **changes)


def closed(code: int) -> Any:
    response = Response(1.0, 101, error=f"closed with {code}", closed=code)
    return replace(call(0, 1, 101), response=response)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, f"answered 400 {NEEDS}"),
        (401, f"answered 401 and did no work: {LOG_IN}"),
        (403, f"answered 403 and did no work: {LOG_IN}"),
        (404, f"answered 404 {NEEDS}"),
        (405, "answered 405 and did no work: give it another method"),
        (422, f"answered 422 {NEEDS}"),
        (429, "answered 429 and did no work: lift the limit of its rate for the check"),
        (499, f"answered 499 {NEEDS}"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refusal_has_the_status_and_what_to_add(method: str, status: int, reason: str) -> None:
    assert why(method, call(0, 1, status), call(1, 2, status)).startswith(reason)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("/report/", "it redirects to /report/; name that path with --during"),
        ("/login?next=/report&token=s3cret", f"it redirects to /login; {LOG_IN}"),
        ("/accounts/sign-in/#s3cret", f"it redirects to /accounts/sign-in/; {LOG_IN}"),
        ("https://me:s3cret@sso.example/oauth2/v1", "to https://sso.example/oauth2/v1; give it"),
        ("https://files.example/a?key=s3cret", "it redirects to https://files.example/a, and a"),
        ("", "it redirects to nowhere; name that path"),
        ("http://[s3cret", "it redirects to nowhere; name that path"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_says_where_it_leads_without_its_query(
    status: int, location: str, reason: str
) -> None:
    found = why("GET", call(0, 1, status, location=location))
    assert found.startswith(f"answered {status} and did no work: ")
    assert reason in found
    assert "s3cret" not in found


@pytest.mark.parametrize("status", [302, 303])
def test_a_form_that_leads_to_its_result_has_worked_unless_that_is_a_login(status: int) -> None:
    assert why("POST", call(0, 1, status, location="/authors/7")) == ""
    assert "redirects to /login;" in why("POST", call(0, 1, status, location="/login"))
    assert "redirects to /report/;" in why("POST", call(0, 1, 307, location="/report/"))


@pytest.mark.parametrize(
    "calls",
    [
        (),
        (call(0, None),),
        (call(0, 1, error="ReadError"),),
        *((call(0, 1, status),) for status in (101, 200, 204, 304, 500, 503)),
        (call(0, 1, 200), call(1, 2, 404)),
        (call(0, 1, 404), call(1, 2, 200)),
        (call(0, 1, 401), call(1, None)),
        (call(0, 1, 401), call(1, 2, 500)),
    ],
)
def test_a_window_with_one_call_that_may_have_worked_is_judged(calls: tuple[Any, ...]) -> None:
    assert why("GET", *calls) == ""


def test_the_most_frequent_refusal_is_named() -> None:
    assert "answered 429" in why("GET", call(0, 1, 401), call(1, 2, 429), call(2, 3, 429))


# WebSockets.


@pytest.mark.parametrize("code", [1008, 1003, 3000, 4001, 4403])
def test_a_websocket_that_blames_its_client_did_no_work(code: int) -> None:
    assert why("WS", closed(code)) == f"was closed with {code} {NEEDS}"


@pytest.mark.parametrize("code", [1011, 1012, 1013])
def test_a_websocket_that_fails_by_itself_has_worked(code: int) -> None:
    assert why("WS", closed(code)) == ""


def test_a_refused_handshake_says_what_may_be_missing() -> None:
    assert "(a path without a WebSocket is refused so)" in why("WS", call(0, 1, 403))
    assert LOG_IN in why("WS", call(0, 1, 401))
    lacking = "library for WebSockets: pip install websockets into the app's environment"
    assert f"or its server has no {lacking}" in why("WS", call(0, 1, 404))


def test_a_route_that_is_no_websocket_and_one_that_is_are_named_as_what_they_are() -> None:
    assert why("WS", call(0, 1, 200)).endswith(
        "it is no WebSocket; name it as --during 'GET /report'"
    )
    for status in (404, 426):
        found = why("GET", call(0, 1, status))
        assert found.endswith("; a WebSocket is named as --during 'WS /report'")


def test_a_server_that_logged_that_it_lacks_a_library_is_told_so() -> None:
    assert why("WS", call(0, 1, 404), lacks_library=True) == (
        "answered 404: its server has no library for WebSockets; pip install websockets into the "
        "app's environment"
    )
