"""The requests before the windows leave cookies and headers, and no error repeats any of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from asgi_liveness.checking import session as sessions
from asgi_liveness.checking.before import Before
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.session import Session
from asgi_liveness.errors import LivenessError

Handler = Callable[[httpx.Request], httpx.Response]
LOGIN = Before("POST /login?key=s3cret", ("X-Own: s3cret",), b'{"password": "s3cret"}')
BEARER = ("Authorization: Bearer {jwt}",)


def made(*before: Before, header_from: tuple[str, ...] = ()) -> Session:
    return Session(Options("a:app", before=before or (LOGIN,), header_from=header_from))


def opened(handler: Handler, *before: Before, header_from: tuple[str, ...] = ()) -> Session:
    """Send the requests to an app that responds as *handler* does."""
    session = made(*before, header_from=header_from)
    again(session, handler)
    return session


def again(session: Session, handler: Handler) -> None:
    def open_client(url: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=url, transport=httpx.MockTransport(handler))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sessions, "open_client", open_client)
        asyncio.run(session.open("http://app"))


def refused(handler: Handler, **changes: Any) -> str:
    with pytest.raises(LivenessError) as raised:
        opened(handler, **changes)
    assert "\n" not in str(raised.value)
    assert "s3cret" not in str(raised.value)
    return str(raised.value)


def answers(*cookies: str, status: int = 200, **body: Any) -> Handler:
    headers = [("Set-Cookie", cookie) for cookie in cookies]
    return lambda _: httpx.Response(status, headers=headers, json=body)


# What is sent.


def test_each_request_has_its_own_headers_and_body() -> None:
    seen: list[tuple[Any, ...]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        headers = request.headers
        target = request.url.raw_path.decode()
        own = headers.get("x-own"), headers.get("content-type")
        seen.append((request.method, target, *own, request.content))
        return httpx.Response(204)

    opened(handler, Before("/csrf"), LOGIN, Before("PUT /tenant", ("A: b",), b"c"))
    assert seen == [
        ("GET", "/csrf", None, None, b""),
        ("POST", "/login?key=s3cret", "s3cret", "application/json", LOGIN.body),
        ("PUT", "/tenant", None, None, b"c"),
    ]


def test_without_a_request_nothing_is_sent_and_nothing_is_added() -> None:
    session = Session(Options("a:app"))
    asyncio.run(session.open("http://127.0.0.1:1"))
    assert session.joined((("A", "b"),)) == (("A", "b"),)


# Cookies.


def test_cookies_go_with_the_next_request_and_with_the_calls() -> None:
    seen: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        text = f"sid={len(seen)}; Path=/admin; Domain=shop.example; Secure; HttpOnly"
        return httpx.Response(200, headers={"Set-Cookie": text})

    session = opened(handler, Before("/csrf"), LOGIN)
    assert seen == [None, "sid=1"]
    assert session.joined(()) == (("Cookie", "sid=2"),)
    given = (("cookie", "a=b"), ("A", "b"))
    assert session.joined(given) == (("A", "b"), ("Cookie", "a=b; sid=2"))


@pytest.mark.parametrize(
    "attribute",
    [
        "Max-Age=0",
        "max-age=-1",
        "Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "expires=Thu, 01-Jan-1970 00:00:00 GMT",
    ],
)
def test_a_cookie_that_the_app_takes_back_is_gone(attribute: str) -> None:
    session = opened(answers("a=b; Path=/", f"a=; {attribute}", "c=d; Max-Age=9"))
    assert session.joined(()) == (("Cookie", "c=d"),)


@pytest.mark.parametrize(
    "cookie",
    ["", "=", "a", "a=\u00fc", "a=b; Max-Age=" + "9" * 5000, "a=b; Expires=soon", "a=b; Expires"],
)
def test_an_odd_cookie_raises_nothing(cookie: str) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=[(b"Set-Cookie", cookie.encode())])

    opened(handler)


# Values of answers.


@pytest.mark.parametrize(
    ("template", "body", "header"),
    [
        ("Authorization: Bearer {access_token}", {"access_token": "abc"}, "Bearer abc"),
        ("Authorization: Bearer {data.token}", {"data": {"token": "abc"}}, "Bearer abc"),
        ("Authorization: {tokens.1.value}", {"tokens": [{}, {"value": 7}]}, "7"),
        ("Authorization: {a}.{b-c}", {"a": "x", "b-c": "y"}, "x.y"),
    ],
)
def test_a_value_of_an_answer_is_lifted_into_a_header(
    template: str, body: dict[str, Any], header: str
) -> None:
    session = opened(answers(**body), header_from=(template,))
    assert session.joined(()) == (("Authorization", header),)
    assert session.joined((("authorization", "old"),)) == (("Authorization", header),)


def test_a_lifted_header_goes_with_the_next_request_which_may_renew_it() -> None:
    seen: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(200, json={"jwt": f"t{len(seen)}"})

    session = opened(handler, LOGIN, Before("/tenant"), header_from=BEARER)
    assert seen == [None, "Bearer t1"]
    assert session.joined(()) == (("Authorization", "Bearer t2"),)


def test_a_start_of_the_app_forgets_what_was_kept_and_repeats_the_requests() -> None:
    session = opened(answers("a=1", jwt="t1"), header_from=BEARER)
    again(session, answers(jwt="t2"))
    assert session.joined(()) == (("Authorization", "Bearer t2"),)


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"jwt": None}, {"jwt": ""}, {"jwt": ["s3cret"]}),
        *({"jwt": True}, {"jwt": {"a": "s3cret"}}, {"data": "s3cret"}),
    ],
)
def test_an_answer_without_the_value_is_an_error(body: dict[str, Any]) -> None:
    error = refused(answers(**body), header_from=BEARER)
    assert error == (
        "--header-from: no --before request answered JSON with {jwt}; write the name "
        "that the answer has, as {access_token}, or {data.token} within another"
    )


@pytest.mark.parametrize("content", [b"s3cret", b"[]", b"[" * 100_000, b"\xff", b""])
def test_an_answer_that_is_no_table_of_json_is_an_error(content: bytes) -> None:
    error = refused(lambda _: httpx.Response(200, content=content), header_from=BEARER)
    assert "answered JSON with {jwt}" in error


@pytest.mark.parametrize("token", ["s3cret\r\nX: y", "s3cret\u2603", "s3cret\x00"])
def test_a_value_that_no_header_can_have_is_an_error(token: str) -> None:
    error = refused(answers(jwt=token), header_from=BEARER)
    assert "the header Authorization has a value that is not plain ASCII" in error


# Requests that fail.


@pytest.mark.parametrize("status", [400, 401, 404, 422, 500, 301, 307, 308])
def test_a_login_that_fails_is_an_error_with_its_status(status: int) -> None:
    handler = answers("a=s3cret", status=status, detail="s3cret")
    expected = f"--before POST /login answered {status}; check its path, -H and -d"
    assert refused(handler, header_from=BEARER) == expected


@pytest.mark.parametrize("status", [200, 201, 204, 302, 303])
def test_a_login_may_answer_with_the_way_to_the_next_page(status: int) -> None:
    session = opened(answers("sid=1", status=status))
    assert session.joined(()) == (("Cookie", "sid=1"),)


def test_a_login_that_is_not_answered_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_LIMIT", 0.05)

    def breaks(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("s3cret")

    async def hangs(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(3600)
        raise AssertionError

    assert refused(breaks).startswith("--before POST /login got no answer (ReadError); check its")
    error = refused(hangs)  # type: ignore[arg-type]  # httpx takes either
    assert error.startswith("--before POST /login sent no answer within 0.05 s; check its path")


# Secrets.


def test_everything_of_a_login_is_known_as_a_secret() -> None:
    session = opened(answers("sid=c00kie", jwt="t0ken"), header_from=BEARER)
    assert session.secret_headers == {
        "X-Own: s3cret",
        "Cookie: c00kie",
        "Authorization: t0ken",
    }
    assert session.secret_bodies == {LOGIN.body}
    again(session, answers(jwt="t1ken"))
    assert {"Authorization: t0ken", "Authorization: t1ken"} <= session.secret_headers


def test_a_request_prints_neither_its_headers_nor_its_body() -> None:
    assert repr(LOGIN) == "Before(request='POST /login?key=s3cret')"
