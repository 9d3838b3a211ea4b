"""The requests of a check: built from the options, and reported if the app rejects them."""

from __future__ import annotations

from typing import Any

import pytest

from asgi_liveness.checking.call import Call, calls_of, rejection
from asgi_liveness.probing.request import Reading
from tests.kit.checking.shop import options
from tests.kit.checking.windows import call, window


def test_a_call_prints_neither_its_headers_nor_its_body() -> None:
    call = Call("POST", "/a?b=c", (("X-Token", "t0p"),), b"body")
    assert str(call) == "POST /a?b=c"
    request = call.request()
    assert (request.method, request.path, request.body) == ("POST", "/a?b=c", b"body")
    assert request.reading is Reading.WITH_RESTS
    assert Call("GET", "/").request().body is None


@pytest.mark.parametrize(
    ("body", "headers", "type_"),
    [
        (b'{"a": 1}', (), "application/json"),
        (b"[]", ("X-Token: t",), "application/json"),
        (b"{}", ("content-type: text/x",), "text/x"),
        (b"{}", ("CONTENT-TYPE: text/x",), "text/x"),
        (b"a=1", (), None),
        (b"", (), None),
        (b"\xff\xfe", (), None),
        (b"[" * 100_000, (), None),
    ],
)
def test_a_json_body_gets_its_content_type(
    body: bytes, headers: tuple[str, ...], type_: str | None
) -> None:
    (made,) = calls_of(options("POST /a", body=body, headers=headers))
    sent = [value for name, value in made.headers if name.lower() == "content-type"]
    assert sent == ([type_] if type_ else [])
    assert made.body == body


@pytest.mark.parametrize(
    ("answered", "reason"),
    [
        (call(0, 1, 404), "POST /report answered 404 and did no work; give it the path, the query"),
        (call(0, 1, 405), "POST /report answered 405 and did no work"),
        (call(0, 1, 422), "POST /report answered 422 and did no work"),
        (call(0, 1, 307, location="/report/"), "POST /report answered 307: its route is /report/;"),
        (call(0, 1, 308, location="/b"), "its route is /b; name that path with --during"),
        (call(0, 1, 301), "its route is elsewhere; name that path with --during"),
    ],
)
def test_a_call_that_did_no_work_is_rejected(answered: Any, reason: str) -> None:
    assert reason in rejection(Call("POST", "/report"), window(calls=(answered, call(1, 2))))


@pytest.mark.parametrize(
    "calls",
    [
        (),
        (call(0, None),),
        (call(0, 1, error="ReadError"),),
        *((call(0, 1, status),) for status in (200, 204, 302, 303, 401, 403, 429, 500, 503)),
        (call(0, 1, 200), call(1, 2, 404)),
    ],
)
def test_a_call_with_any_other_outcome_is_judged(calls: tuple[Any, ...]) -> None:
    assert rejection(Call("GET", "/report"), window(calls=calls)) == ""
