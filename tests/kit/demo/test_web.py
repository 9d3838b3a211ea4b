"""The page's server: what it serves, to whom, and which requests may start anything."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import cast

import httpx
import pytest

from asgi_liveness.demo import web
from asgi_liveness.demo.choices import CHOICES
from asgi_liveness.demo.stage import Stage
from asgi_liveness.errors import UsageError
from tests.kit.demo.scenes import FROZEN, MARKUP, MadeStage
from tests.waiting import until, until_async


@pytest.fixture
def asked() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def page(asked: list[tuple[str, str]]) -> Iterator[web.Web]:
    server = web.Web(0, lambda name, word: asked.append((name, word)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def get(page: web.Web, path: str = "", **headers: str) -> httpx.Response:
    return httpx.get(f"{page.url}{path}", headers=headers, trust_env=False)


def post(page: web.Web, path: str, origin: str) -> httpx.Response:
    headers = {"Origin": origin} if origin else {}
    return httpx.post(f"{page.url}{path}", headers=headers, trust_env=False)


@pytest.mark.parametrize(("path", "kind"), [("", "html"), ("demo.css", "css"), ("demo.js", "java")])
def test_the_page_has_its_files_and_asks_for_nothing_elsewhere(
    path: str, kind: str, page: web.Web
) -> None:
    found = get(page, path).raise_for_status()
    assert kind in found.headers["content-type"]
    assert "default-src 'none'" in found.headers["content-security-policy"]
    assert "http" not in found.text.replace("http://www.w3.org/2000/svg", "")
    assert "innerHTML" not in found.text


def test_the_ids_that_the_script_uses_are_in_the_page(page: web.Web) -> None:
    ids: list[str | None] = []

    class Reader(HTMLParser):
        def handle_starttag(self, _: str, attrs: list[tuple[str, str | None]]) -> None:
            ids.extend(value for name, value in attrs if name == "id")

    Reader().feed(get(page).text)
    script = get(page, "demo.js").text
    used = {part.partition('"')[0] for part in script.split('byId("')[1:]}
    assert used
    assert used <= {*ids}


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil:80"])
@pytest.mark.parametrize("path", ["", "events", "demo.js"])
def test_a_foreign_host_is_refused(host: str, path: str, page: web.Web) -> None:
    assert get(page, path, Host=host).status_code == httpx.codes.MISDIRECTED_REQUEST


def test_both_names_of_this_machine_are_served(page: web.Web) -> None:
    assert get(page, Host=f"localhost:{page.server_port}").is_success


@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", "https://127.0.0.1"])
def test_a_post_from_another_origin_does_nothing(
    origin: str, page: web.Web, asked: list[tuple[str, str]]
) -> None:
    assert post(page, "start/1", origin).status_code == httpx.codes.FORBIDDEN
    assert asked == []


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("start/1", ("start", "1")),
        ("stop", ("stop", "")),
        ("framework", ("framework", "")),
        ("framework/quart", ("framework", "quart")),
    ],
)
def test_a_button_is_an_action(
    path: str, action: tuple[str, str], page: web.Web, asked: list[tuple[str, str]]
) -> None:
    assert post(page, path, page.url.rstrip("/")).status_code == httpx.codes.NO_CONTENT
    assert asked == [action]


@pytest.mark.parametrize("path", ["end", "start/1/2", "", "events"])
def test_an_unknown_action_does_nothing(
    path: str, page: web.Web, asked: list[tuple[str, str]]
) -> None:
    assert post(page, path, page.url.rstrip("/")).status_code == httpx.codes.NOT_FOUND
    assert asked == []


@pytest.mark.parametrize("path", ["../web.py", "index.html", "page/demo.js", "demo.js?x"])
def test_no_other_file_is_served(path: str, page: web.Web) -> None:
    assert get(page, path).status_code == httpx.codes.NOT_FOUND


def test_each_page_gets_each_scene_as_one_event(page: web.Web) -> None:
    scene = web.as_json(cast("Stage", MadeStage()))
    address = f"{page.url}events"
    with (
        httpx.stream("GET", address, trust_env=False) as one,
        httpx.stream("GET", address, trust_env=False) as other,
    ):
        page.publish(scene)
        for stream in (one, other):
            line = next(line for line in stream.iter_lines() if line)
            got = json.loads(line.removeprefix("data: "))
            assert got["words"] == FROZEN.words
            assert got["held"]["line"] == 2
            assert got["excerpt"]["lines"][1] == [2, MARKUP]
            assert [each["path"] for each in got["choices"]] == [each.path for each in CHOICES]


def test_pages_have_a_limit_and_leave_their_place(page: web.Web) -> None:
    page.viewers = threading.BoundedSemaphore(1)
    page.publish("{}")
    with httpx.stream("GET", f"{page.url}events", trust_env=False) as stream:
        next(stream.iter_raw())
        assert get(page, "events").status_code == httpx.codes.SERVICE_UNAVAILABLE

    def is_free() -> bool:
        page.publish("{}")
        return page.viewers.acquire(blocking=False)

    assert until(is_free)


def test_a_port_that_is_taken_is_one_line() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(UsageError, match="choose another --port"),
    ):
        web.Web(taken.getsockname()[1], lambda *_: None)
    with pytest.raises(UsageError, match="ports end at 65535"):
        web.Web(70000, lambda *_: None)


def test_the_page_goes_with_the_stage() -> None:
    stage, said = MadeStage(), list[str]()

    async def ended() -> None:
        showing = asyncio.create_task(web._show(cast("Stage", stage), 0, said.append))
        await until_async(lambda: said)
        showing.cancel()
        await asyncio.wait([showing])

    asyncio.run(ended())
    assert stage.is_over
    assert "http://127.0.0.1:" in said[0]
