"""The source of a handler, as the demo shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from asgi_liveness.demo.choices import CHOICES
from asgi_liveness.demo.columns import FRAMEWORKS
from asgi_liveness.demo.excerpt import NOTHING, excerpt
from tools.comparison import COMPARISON, ROOT

APP = """\
from made import app

def unused():
    pass

def own_loop():
    while True:
        print("\\x1b[31m")

@app.get("/own-route")
async def own_route():
    app.add(own_loop)
"""


@pytest.mark.parametrize("name", COMPARISON["frameworks"])
@pytest.mark.parametrize("path", [each.path for each in CHOICES])
def test_every_handler_of_every_column_is_found(name: str, path: str) -> None:
    found = excerpt(ROOT / f"{name}_impl", path)
    source = (ROOT / found.file).read_text().splitlines()
    lines = [line for line in found.lines if line.number]
    assert [line.text for line in lines] == [source[line.number - 1] for line in lines]
    assert any(f'LoopBody("{path}")' in line.text or "process_loop" in line.text for line in lines)


def test_the_frameworks_are_those_of_the_comparison() -> None:
    assert list(FRAMEWORKS) == list(COMPARISON["frameworks"])


def test_a_handler_comes_with_what_it_uses_and_its_text_is_plain(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    found = excerpt(tmp_path, "/own-route")
    assert [line.number for line in found.lines] == [6, 7, 8, 0, 10, 11, 12]
    assert found.file == f"{tmp_path.name}/app.py"
    (tmp_path / "app.py").write_text(APP.replace("\\x1b", "\x1b"))
    assert excerpt(tmp_path, "/own-route").lines[2].text == '        print("")'


def test_a_handler_that_is_missing_is_an_empty_excerpt(tmp_path: Path) -> None:
    assert excerpt(tmp_path, "/hello") == NOTHING
