"""The command that repeats a check."""

from __future__ import annotations

import shlex
from dataclasses import fields, replace

import pytest

from asgi_liveness.checking.again import again, shown_target
from asgi_liveness.checking.before import Before
from asgi_liveness.checking.options import Options
from asgi_liveness.cli.check import given
from asgi_liveness.cli.main import parsed

EVERYTHING = Options(
    target="myapp.main:create app",
    during=("GET /report", "POST /im'port?a=$b"),
    probe="/healthz",
    server="hypercorn",
    loop="uvloop",
    factory=True,
    app_dir="a folder",
    duration=2.5,
    max_stall=0.05,
    concurrency=3,
    openapi="all",
    before=(Before("GET /csrf"), Before("POST /login")),
    header_from=("Authorization: Bearer {access_token}",),
    allow_remote=True,
    no_early=True,
    start_limit=90.0,
)


def test_defaults_are_left_out() -> None:
    assert again(Options("myapp.main:app")) == "asgi-liveness check myapp.main:app"


def test_a_request_is_quoted_for_a_shell() -> None:
    options = Options("myapp.main:app", during=("GET /report",), probe="/healthz", max_stall=0.1)
    assert again(options) == (
        "asgi-liveness check myapp.main:app --during 'GET /report' --probe /healthz "
        "--max-stall 100ms"
    )


@pytest.mark.parametrize(
    "options", [EVERYTHING, replace(EVERYTHING, target="", command=("serve", "--port", "{port}"))]
)
def test_the_command_has_the_same_options(options: Options) -> None:
    usual = Options("x")
    same = [f.name for f in fields(Options) if getattr(options, f.name) == getattr(usual, f.name)]
    assert {*same} <= {"command", "headers", "body"}
    _, *words = shlex.split(again(options))
    assert Options(**given(parsed(words))) == options


def test_the_values_of_headers_and_bodies_are_left_out() -> None:
    options = Options("a:app", headers=("X-Token: s3cret:a", "Cookie:s3cret"), body=b"s3cret")
    assert again(options) == "asgi-liveness check a:app -H 'X-Token: ...' -H 'Cookie: ...' -d ..."


def test_a_request_before_the_windows_is_shown_without_its_values() -> None:
    login = Before("POST /login?key=s3cret", ("X-Token: s3cret",), b"s3cret")
    options = Options("a:app", headers=("A: s3cret",), before=(login,), header_from=("B: c {d}",))
    assert again(options) == (
        "asgi-liveness check a:app -H 'A: ...' --before 'POST /login?...' -H 'X-Token: ...' -d ... "
        "--header-from 'B: c {d}'"
    )


def test_further_words_belong_to_the_requests_and_not_to_a_login() -> None:
    options = Options(command=("serve", "{port}"), during=("POST /a",), before=(Before("/b"),))
    command = "asgi-liveness check --during 'POST /a' -d @body --before /b -- serve '{port}'"
    assert again(options, ("-d", "@body")) == command
    (_, *words) = shlex.split(command.replace("@body", "body"))
    found = given(parsed(words))
    assert (found["body"], found["before"]) == (b"body", (Before("/b"),))


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("http://me:s3cret@127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://me@127.0.0.1:8000/x", "http://127.0.0.1:8000/x"),
        ("http://me:s3/c@r?e#t@127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://me:s3@cret@127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("me:s3cret@127.0.0.1:8000", "127.0.0.1:8000"),
        ("http:/me:s3cret@127.0.0.1:8000", "127.0.0.1:8000"),
        ("https://[::1]:8000", "https://[::1]:8000"),
        ("myapp.main:app", "myapp.main:app"),
    ],
)
def test_an_address_is_shown_without_user_and_password(target: str, shown: str) -> None:
    assert shown_target(target) == shown
    assert again(Options(target)) == f"asgi-liveness check {shlex.quote(shown)}"
