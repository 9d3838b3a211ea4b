"""The requests of a check, built from the options."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from asgi_liveness.checking.call import Call, calls_of, still_open
from asgi_liveness.errors import UsageError
from asgi_liveness.probing.request import Reading
from asgi_liveness.probing.websocket import WebSocketRequest
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
        (b"a=1", (), "application/x-www-form-urlencoded"),
        (b"username=me&password=a%20b%3D&scope=", (), "application/x-www-form-urlencoded"),
        (b"a=1", ("Content-Type: text/x",), "text/x"),
        (b"a = 1", (), None),
        (b"a=1\nb=2", (), None),
        (b"<a b='c'/>", (), None),
        (b"", (), None),
        (b"\xff\xfe", (), None),
        (b"[" * 100_000, (), None),
    ],
)
def test_json_and_a_form_get_their_content_type(
    body: bytes, headers: tuple[str, ...], type_: str | None
) -> None:
    (made,) = calls_of(options("POST /a", body=body, headers=headers))
    sent = [value for name, value in made.headers if name.lower() == "content-type"]
    assert sent == ([type_] if type_ else [])
    assert made.body == body


def test_a_websocket_gets_no_content_type_for_its_first_message() -> None:
    (made,) = calls_of(options("WS /prices", body=b"{}", headers=("A: b",)))
    assert (made.method, made.headers, made.body) == ("WS", (("A", "b"),), b"{}")
    assert type(made.request()) is WebSocketRequest


def test_a_websocket_without_the_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("websockets.asyncio.client", "asgi_liveness.probing.websocket"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "websockets.asyncio.client", None)
    assert calls_of(options("GET /prices"))
    with pytest.raises(UsageError) as raised:
        calls_of(options("GET /prices", "WS /prices"))
    assert str(raised.value) == (
        "--during 'WS /prices': a WebSocket needs the package websockets, 15 or later, which is "
        "not installed here: pip install 'asgi-liveness[websocket]'"
    )


# Calls that had not ended.


@pytest.mark.parametrize(
    ("name", "calls", "note"),
    [
        ("GET /a", (), "GET /a itself had not ended after 2.0 s and was closed. That is fine if"),
        (
            "WS /a",
            (call(0, 1, 101),),
            "WS /a itself stayed open for the whole window of 2.0 s, and was closed then.",
        ),
        (
            "WS /a",
            (call(0, None),),
            "WS /a itself was not accepted in the whole window of 2.0 s, and was closed then.",
        ),
    ],
)
def test_a_note_on_an_open_call_says_what_it_did(name: str, calls: Any, note: str) -> None:
    assert still_open(name, window(calls=calls), live=True).startswith(note)


@pytest.mark.parametrize("name", ["GET /a", "WS /a"])
def test_a_note_on_a_certain_verdict_says_when_it_was(name: str) -> None:
    note = still_open(name, window(early=True), live=False)
    assert note == f"the verdict was certain after 2.0 s, so {name} was closed then."
