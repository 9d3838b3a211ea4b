"""What was given is secret, whole and in parts, in whatever form an app repeats it."""

from __future__ import annotations

import base64
import html
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from asgi_liveness.checking import render
from asgi_liveness.checking.formats import FORMATS
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.redaction import Redaction, redaction_of
from asgi_liveness.errors import RouteMissing, TargetError
from asgi_liveness.stalls.culprit import Culprit
from tests.kit.checking.made import DIED, STALLED, report

SECRET = "hunter2"  # noqa: S105 (it is one, for the tests)
ODD = 'p"ä&s <w>\\o/rd'
BASIC = base64.b64encode(f"someone:{SECRET}".encode()).decode()
CLAIMS = base64.urlsafe_b64encode(b'{"sub": "somebody", "id": "hunter2"}').decode().rstrip("=")
MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\nhunter2\r\n'
    b'--b\r\nContent-Disposition: form-data; name="more"\r\n\r\na b\r\n--b--\r\n'
)
GIVEN: dict[str, dict[str, Any]] = {
    "a header": {"headers": ["X-Token: hunter2"]},
    "a bearer": {"headers": ["Authorization: Bearer hunter2"]},
    "a basic header": {"headers": [f"Authorization: Basic {BASIC}"]},
    "a token with claims": {"headers": [f"Authorization: Bearer e30.{CLAIMS}.c2ln"]},
    "one cookie": {"headers": ["Cookie: theme=dark; session=hunter2; a=b"]},
    "a quoted cookie": {"headers": ['Cookie: session="hunter2"']},
    "an encoded cookie": {"headers": ["Cookie: session=%68unter2"]},
    "json in a cookie": {"headers": ["Cookie: user=%7B%22id%22%3A%22hunter2%22%7D"]},
    "a parameter of a header": {"headers": ['X-Key: key="hunter2", realm="x"']},
    "json": {"bodies": [b'{"password": "hunter2"}']},
    "json in lists": {"bodies": [b'[{"users": [{"password": "hunter2", "n": 1}]}]']},
    "json in json": {"bodies": [json.dumps({"data": json.dumps({"p": SECRET})}).encode()]},
    "an escape in json": {"bodies": [b'{"password": "\\u0068unter2"}']},
    "a text of json": {"bodies": [b'"hunter2"']},
    "a form": {"bodies": [b"user=someone&password=hunter2"]},
    "an encoded form": {"bodies": [b"user=a+b&password=%68unter2"]},
    "a form of one field": {"bodies": [b"password=hunter2\n"]},
    "multipart": {"bodies": [MULTIPART]},
    "xml": {"bodies": [b"<login><password>hunter2</password></login>"]},
    "an attribute of xml": {"bodies": [b'<login password="hunter2" />']},
    "a text": {"bodies": [b"login someone hunter2"]},
    "a line": {"bodies": [b"hunter2\r\nmore"]},
    "an address": {"addresses": ["http://someone:hunter2@127.0.0.1:8000"]},
    "an address without a scheme": {"addresses": ["someone:hunter2@127.0.0.1:8000"]},
    "an encoded address": {"addresses": ["http://someone:%68unter2@127.0.0.1"]},
}


def redaction(**given: Any) -> Redaction:
    found = Redaction()
    found.add(**given)
    return found


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
@pytest.mark.parametrize(
    "told",
    [
        "bad password: {}",
        "ValueError('{}')",
        "{}",
        "a=b&password={}&x",
        "/login/{}",
        "tok_{}_x",
        '{{"detail": "not {}"}}',
    ],
)
def test_a_part_of_what_was_given_is_not_shown(given: dict[str, Any], told: str) -> None:
    encoded = base64.b64encode(SECRET.encode()).decode().rstrip("=")
    for form in (SECRET, SECRET.upper(), SECRET.title(), encoded):
        text = redaction(**given).text(told.format(form))
        assert form not in text
        assert text == told.format("...")


@pytest.mark.parametrize(
    "form",
    [
        ODD,
        json.dumps(ODD)[1:-1],
        json.dumps(ODD, ensure_ascii=False)[1:-1],
        repr(ODD)[1:-1],
        repr(ODD.encode())[2:-1],
        html.escape(ODD),
        quote(ODD),
        quote(ODD, safe=""),
        quote_plus(ODD),
        quote(ODD).lower(),
        base64.b64encode(ODD.encode()).decode(),
    ],
)
def test_a_secret_is_hidden_however_it_is_written(form: str) -> None:
    given = redaction(bodies=[json.dumps({"password": ODD}).encode()])
    assert given.text(f"<{form}>").strip("=>") == "<..."


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"bodies": [b'{"password": "hunter2"}']}, "the password of the user"),  # a key
        ({"headers": ["Authorization: Bearer hunter2"]}, "Authorization: Bearer is missing"),
        ({"bodies": [b'{"a": "abc", "b": true, "n": 200, "x": null}']}, "abc true 200 null"),
        ({"bodies": [b'{"format": "json", "name": "test"}']}, "json.loads(test)"),
        ({"bodies": [b'{"word": "answer"}']}, "80 probes answered in time"),
        ({"bodies": [b'{"pin": "4711"}']}, "line 14711"),
        ({"headers": ["X:", "Y:  ", "Z: a"]}, "a  b"),
        ({"bodies": [b""]}, ""),
        ({}, "nothing"),
    ],
)
def test_words_that_are_no_secret_stay(given: dict[str, Any], text: str) -> None:
    assert redaction(**given).text(text) == text


@pytest.mark.parametrize("text", ["answer is wrong", "an ANSWER", "/answer/", "x=answer"])
def test_a_short_word_is_hidden_where_it_stands_alone(text: str) -> None:
    assert "answer" not in redaction(bodies=[b'{"word": "answer"}']).text(text).lower()


def test_a_word_that_the_command_shows_is_no_secret() -> None:
    options = Options(
        "shop.main:app", during=("POST /reports",), body=b'{"kind": "reports", "key": "hunter2"}'
    )
    hidden = redaction_of(options)
    assert hidden.text("POST /reports in shop/reports.py: hunter2") == (
        "POST /reports in shop/reports.py: ..."
    )


def test_a_secret_in_the_path_of_a_request_stays_a_secret() -> None:
    options = Options("a:app", during=("GET /x?token=hunter2",), headers=("X: hunter2",))
    assert redaction_of(options).text("GET /x?token=hunter2") == "GET /x?token=..."


@pytest.mark.parametrize(
    "options",
    [
        Options("http://me:s3cr3t@127.0.0.1:1"),
        Options("me:s3cr3t@127.0.0.1:1"),
        Options("a:app", during=("http://me:s3cr3t@127.0.0.1:1/x",)),
        Options("a:app", probe="http://me:s3cr3t@127.0.0.1:1/x"),
        Options(command=("serve", "--db", "postgres://me:s3cr3t@db/x")),
    ],
)
def test_the_user_of_any_address_is_a_secret(options: Options) -> None:
    assert "s3cr3t" not in redaction_of(options).text("no such host: s3cr3t@127.0.0.1")


def test_no_string_of_a_report_has_a_secret() -> None:
    assert STALLED.culprit is not None
    culprit = replace(STALLED.culprit, source=f'if key == "{SECRET}":', function=SECRET)
    routes = [
        replace(STALLED, culprit=culprit, notes=(f"it said {SECRET}",), advice=SECRET),
        replace(DIED, because=f"last log line: {SECRET.upper()}"),
    ]
    made = report(*routes, again=f"x -- --key {SECRET}", untried=(f"GET /{SECRET}",))
    assert SECRET in made.to_json()
    shown = redaction(headers=["X: hunter2"]).report(made)
    assert SECRET not in shown.to_json().lower()
    assert shown.verdict == made.verdict


@pytest.mark.parametrize(
    ("user", "path"),
    [
        ("piccolo", "lib/piccolo/apps/tables.py"),
        ("piccolo", "lib/Piccolo/apps/tables.py"),
        ("hunter2", "lib/.../apps/tables.py"),
    ],
)
def test_a_user_who_is_called_as_the_package_hides_no_path(user: str, path: str) -> None:
    file = path.replace("...", "hunter2")
    made = report(replace(STALLED, culprit=Culprit(file, 2, "f", "work()")))
    shown = redaction(bodies=[b'{"username": "%s"}' % user.encode()]).report(made)
    assert [route.culprit.file for route in shown.routes if route.culprit] == [path]


def test_no_line_around_a_culprit_is_quoted_if_it_holds_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text('KEY = "hunter2"\nwork()\nmore()\n')
    made = report(replace(STALLED, culprit=Culprit("app.py", 2, "f", "work()")))
    assert "> 2 | work()" in render.text(redaction(headers=["X: another1"]).report(made))
    assert "hunter2" in render.text(made)
    shown = redaction(headers=["X: hunter2"]).report(made)
    for form in (render.text(shown), *(written(shown) for written in FORMATS.values())):
        assert "hunter2" not in form
    assert "> 2 | work() ..." in render.text(shown)


def test_a_secret_that_is_cut_or_coloured_is_still_hidden() -> None:
    long = "x" * 495 + f" \x1b[31mhun\x1b[0mter2 {SECRET}"
    shown = redaction(headers=["X: hunter2"]).report(report(replace(DIED, because=long)))
    because = shown.routes[-1].because
    assert len(because) <= 500
    assert "hun" not in because


def test_an_error_has_no_secret() -> None:
    for error in (TargetError(f"it said {SECRET}\n\x1b[2J"), RouteMissing(SECRET, "GET", "/a")):
        redaction(headers=["X: hunter2"]).hide_in(error)
        assert SECRET not in str(error)
        assert str(error).isprintable()


def test_a_large_body_has_a_limit_of_parts() -> None:
    rows = [{"name": f"name-{number:06}", "n": number} for number in range(50_000)]
    given = redaction(bodies=[json.dumps(rows).encode()])
    assert len(given._parts) < 100_000
    assert given.text("name-000042 of the log") == "... of the log"


def test_a_long_body_is_hidden_by_its_lines() -> None:
    body = "\n".join(["a line of text"] * 10_000 + ["hunter2 and more"]).encode()
    assert redaction(bodies=[body]).text("it said a line of text, hunter2") == "it said ..., ..."


@pytest.mark.parametrize("body", [b"[" * 100_000, b"\xff\xfe\0", b'{"a": NaN}', b"=&=&;", b"%%%"])
def test_an_odd_body_is_no_error(body: bytes) -> None:
    redaction(bodies=[body], headers=[body.decode(errors="replace")]).text("x")
