"""``asgi-liveness demo`` in a pipe, on a terminal and as a page; nothing of it is left."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.terminal import Terminal, terminal
from tests.waiting import until
from tools.comparison import COMPARISON

if TYPE_CHECKING:
    from tests.conftest import Command

pytestmark = pytest.mark.servers
DEMO = (sys.executable, "-m", "asgi_liveness", "demo")
LIMIT = 60.0  # seconds for the next event of the page


@pytest.mark.parametrize("name", COMPARISON["frameworks"])
def test_a_pipe_gets_the_freeze_the_fixes_and_the_line(name: str, command: Command) -> None:
    done = command("-m", "asgi_liveness", "demo", name)
    assert done.returncode == 0, done.stdout + done.stderr
    # A window is repeated on a busy machine: the last of each loop counts.
    strips = dict(
        re.findall(r"^(/\S+) .*\n  /hello +([|.]+)  \d+ of 20$", done.stdout, re.MULTILINE)
    )
    assert strips == {"/blocking": "." * 20, "/background": "|" * 20, "/cooperative": "|" * 20}
    assert re.search(rf"holds it is \S*{name}_impl/app\.py:\d+ in blocking\(\)", done.stdout)
    assert "\x1b" not in done.stdout


# On a terminal.


def shows(view: Terminal, words: str) -> None:
    """Wait for words on the terminal."""
    until(lambda: words in view.shown)


@pytest.mark.parametrize("end", ["q", "ctrl+c", "term", "kill"])
def test_a_terminal_leaves_nothing_of_a_frozen_app(end: str, tmp_path: Path) -> None:
    size = {"COLUMNS": "100", "LINES": "40", "TERM": "xterm-256color"}
    with terminal(tmp_path, DEMO, environment=size, is_shown=True) as view:
        shows(view, "Answering")
        view.type(b"1")
        shows(view, "in blocking()")
        ends: dict[str, Callable[[], None]] = {
            "q": lambda: view.type(b"q"),
            "ctrl+c": lambda: view.type(b"\x03"),
            "term": lambda: view.send(signal.SIGTERM),
            "kill": lambda: view.send(signal.SIGKILL),
        }
        ends[end]()
        code = view.ends()
        assert code == {"q": 0, "ctrl+c": 0, "term": 143, "kill": 137}[end]


# As a page.


def scenes(stream: httpx.Response) -> Iterator[dict[str, Any]]:
    """The scenes that a page gets."""
    for line in stream.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def test_a_page_shows_the_freeze_stops_it_and_changes_the_framework(tmp_path: Path) -> None:
    with terminal(tmp_path, (*DEMO, "fastapi", "--web", "--port", "0")) as view:
        url = until(lambda: re.findall(r"http://\S+/", view.stdout.decode()))[0]

        def post(path: str) -> None:
            headers = {"Origin": url.rstrip("/")}
            httpx.post(f"{url}{path}", headers=headers, trust_env=False).raise_for_status()

        with httpx.stream("GET", f"{url}events", timeout=LIMIT, trust_env=False) as stream:
            coming = scenes(stream)
            next(scene for scene in coming if scene["state"] == "answering")
            post("start/1")
            held = next(scene["held"] for scene in coming if scene["held"])
            frozen = next(scene for scene in coming if scene["held"] and scene["held"]["line"])
            assert held
            assert frozen["state"] == "frozen"
            numbers = {number for number, _ in frozen["excerpt"]["lines"]}
            assert frozen["held"]["line"] in numbers
            assert frozen["running"][0]["path"] == "/blocking"
            post("stop")
            next(s for s in coming if s["state"] == "answering" and not s["running"])
            post("start/3")
            fixed = next(scene for scene in coming if scene["running"])
            assert fixed["running"][0]["path"] == "/cooperative"
            post("framework/quart")
            next(s for s in coming if s["framework"] == "quart" and s["state"] == "answering")
        assert view.interrupted() == 130
