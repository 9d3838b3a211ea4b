"""The function that serves a route, from the source of the app."""

from __future__ import annotations

from pathlib import Path

import pytest

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.handler import handler_of

APP = """\
from elsewhere import app, Route, get


@app.get("/orders")
async def orders(): ...


@app.route("/orders/<int:number>")
async def order(number): ...


@get("/{part}/items")
def items(part): ...


def listed(): ...


routes = [Route("/listed", listed), Route("/other", unknown)]
"""


@pytest.mark.parametrize(
    ("path", "line", "function"),
    [
        ("/orders", 5, "orders"),
        ("/orders?page=2", 5, "orders"),
        ("/orders/7", 9, "order"),
        ("/api/v1/orders", 5, "orders"),
        ("/shop/items", 13, "items"),
        ("/listed", 16, "listed"),
    ],
)
def test_a_handler_is_found_by_its_path(
    path: str, line: int, function: str, tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    file = tmp_path / "shop" / "views.py"
    file.write_text(APP)
    assert handler_of(path, tmp_path) == Frame(str(file), line, function)


@pytest.mark.parametrize("path", ["/", "/other", "/nothing", "/orders/7/items/8"])
def test_a_path_that_no_source_shows_has_no_handler(path: str, tmp_path: Path) -> None:
    (tmp_path / "views.py").write_text(APP)
    assert handler_of(path, tmp_path) is None


def test_two_handlers_of_one_path_are_none(tmp_path: Path) -> None:
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(APP)
    assert handler_of("/orders", tmp_path) is None
    assert handler_of("/orders", tmp_path, "three") is None


def test_of_two_handlers_of_one_path_that_of_the_apps_package_counts(tmp_path: Path) -> None:
    for name in ("one.py", "two/views.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(APP)
        file = str(tmp_path / name)
        assert handler_of("/orders", tmp_path, name[:3]) == Frame(file, 5, "orders")


@pytest.mark.parametrize("folder", [".venv", "venv", "node_modules", "site-packages"])
def test_installed_code_is_not_searched(folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "views.py").write_text(APP)
    assert handler_of("/orders", tmp_path) is None


def test_files_that_cannot_be_parsed_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("@app.get('/orders'\n")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert handler_of("/orders", tmp_path) is None
    assert handler_of("/orders", tmp_path / "none") is None
