"""The parts of a request, as people write them."""

from __future__ import annotations

import pytest

from asgi_liveness.checking.request import METHODS, parse_header, parse_path, parse_request
from asgi_liveness.errors import UsageError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/report", ("GET", "/report")),
        ("/", ("GET", "/")),
        ("GET /report?of=a%20b&c=d", ("GET", "/report?of=a%20b&c=d")),
        ("  post   /import ", ("POST", "/import")),
        ("GET /a//b:c,d", ("GET", "/a//b:c,d")),
        *((f"{method} /x", (method, "/x")) for method in METHODS),
    ],
)
def test_a_request_has_a_method_and_a_path(text: str, found: tuple[str, str]) -> None:
    assert parse_request(text) == found


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("GETT /x", "GETT is no method; did you mean GET?"),
        ("FETCH /x", "FETCH is no method; did you mean PATCH?"),
        ("TRACE /x", "TRACE is no method; there is GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        ("GET", "the path is missing; write 'GET /report'"),
        ("post", "the path is missing; write 'POST /report'"),
        ("GET /a b", "a path has no spaces, write %20 for each"),
        ("report", "a path begins with one slash and has no spaces, as /report"),
        ("", "a path begins with one slash and has no spaces, as /report"),
        ("GET report", "a path begins with one slash"),
        ("GET //elsewhere/x", "a path begins with one slash"),
        ("http://127.0.0.1/x", "a path begins with one slash"),
        ("GET /a\x00", "a path begins with one slash"),
    ],
)
def test_a_bad_request_is_an_error_of_one_line(text: str, error: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_request(text)
    assert str(raised.value).startswith("--during '")
    assert error in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_error_of_a_path_names_its_option() -> None:
    assert parse_path("/healthz?full=1", "--probe") == "/healthz?full=1"
    with pytest.raises(UsageError, match="--probe 'healthz': a path begins with one slash"):
        parse_path("healthz", "--probe")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("X-Token: t", ("X-Token", "t")),
        ("X-Token:t", ("X-Token", "t")),
        ("Authorization: Bearer a:b c", ("Authorization", "Bearer a:b c")),
        ("X-Empty:", ("X-Empty", "")),
    ],
)
def test_a_header_has_a_name_and_a_value(text: str, found: tuple[str, str]) -> None:
    assert parse_header(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "s3cret",
        ": s3cret",
        "Content-Length: s3cret",
        "s3cret s3cret: a",
        "X-Token: s3cret\r\nX-Other: a",
        "X-Token: s3cret·",
    ],
)
def test_a_bad_header_is_an_error_that_does_not_repeat_it(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_header(text)
    assert "s3cret" not in str(raised.value)
    assert "s3cret" not in str(raised.value.__context__)
