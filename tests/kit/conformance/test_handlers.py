"""Handlers are found by the syntax of a target's files, in whatever way a framework names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from asgi_liveness.conformance.handlers import HandlerRow, handlers_of

DECORATED = """\
import other
from pkg import more
app = App()

def worker():
    pass

@app.get("/background")
async def hand_over():
    start(worker)

async def unrelated():
    pass
"""
MOUNTED = """\
async def blocking(request):
    while True:
        pass

async def look_up(request):
    pass

routes = [Route("/blocking", blocking), Route("/process/{id}", endpoint=look_up)]
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "pkg"
    folder.mkdir()
    (folder / "app.py").write_text(DECORATED)
    (folder / "more.py").write_text(MOUNTED)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.usefixtures("package")
def test_a_decorated_handler_comes_with_the_functions_that_it_names() -> None:
    rows = {row.path: row for row in handlers_of("pkg.app:app")}
    assert rows["/background"] == HandlerRow(
        target="pkg.app:app",
        path="/background",
        file="pkg/app.py",
        first=5,
        lines=(
            *("def worker():", "    pass", "", '@app.get("/background")'),
            *("async def hand_over():", "    start(worker)"),
        ),
    )


@pytest.mark.usefixtures("package")
def test_a_mounted_handler_is_found_in_an_imported_module() -> None:
    rows = {row.path: row for row in handlers_of("pkg.app:app")}
    assert (rows["/blocking"].file, rows["/blocking"].first) == ("pkg/more.py", 1)
    assert rows["/process"].lines[0] == "async def look_up(request):"
    assert rows.keys() == {"/background", "/blocking", "/process"}


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    "target",
    ["pkg.none:app", "none:app", "pkg:app", "sys:app", ":", "a..b:c", f"{'x' * 5000}:app", "a\0:b"],
)
def test_a_target_without_a_file_has_no_handlers(target: str) -> None:
    assert handlers_of(target) == []


@pytest.mark.parametrize("text", ["def broken(:", "\0", "(" * 10_000, ""])
def test_a_file_that_is_no_python_has_no_handlers(package: Path, text: str) -> None:
    (package / "app.py").write_text(text)
    assert handlers_of("pkg.app:app") == []


def test_nothing_of_the_target_is_imported(package: Path) -> None:
    (package / "__init__.py").write_text("raise SystemExit('it was imported')")
    assert handlers_of("pkg.app:app")


def test_a_package_within_packages_without_an_init_file_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "outer" / "inner"
    folder.mkdir(parents=True)
    (folder / "app.py").write_text(MOUNTED)
    monkeypatch.chdir(tmp_path)
    assert [row.path for row in handlers_of("outer.inner.app:app")] == ["/blocking", "/process"]
