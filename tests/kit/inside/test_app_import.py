"""An ASGI app is known by its signature, and imported by its name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.inside.app_import import ImportFailed, import_app, is_asgi


async def function(scope: Any, receive: Any, send: Any) -> None: ...


async def of_two(scope: Any, receive: Any) -> None: ...


def plain(scope: Any, receive: Any, send: Any) -> None: ...


class Instance:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    async def method(self, scope: Any, receive: Any, send: Any) -> None: ...


class Plain:
    def __call__(self, environ: Any, start_response: Any) -> None: ...


@pytest.mark.parametrize("app", [function, Instance(), Instance().method])
def test_a_coroutine_function_of_three_arguments_is_an_app(app: object) -> None:
    assert is_asgi(app)


@pytest.mark.parametrize("other", [of_two, plain, Instance, Plain(), 42, None, "app"])
def test_anything_else_is_not_an_app(other: object) -> None:
    assert not is_asgi(other)


@pytest.mark.parametrize(
    ("target", "found"),
    [("single", "app"), ("single:app", "app"), ("single:space.inner", "inner")],
)
def test_an_app_is_found_in_the_current_directory(
    target: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "single.py").write_text(
        "async def app(scope, receive, send): ...\n"
        "class space:\n"
        "    @staticmethod\n"
        "    async def inner(scope, receive, send): ...\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [])
    monkeypatch.delitem(__import__("sys").modules, "single", raising=False)
    assert getattr(import_app(target), "__name__", None) == found


def test_a_missing_inner_module_is_not_taken_for_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outer.py").write_text("import inner_that_is_not_there\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(ImportFailed, match="importing outer failed: ModuleNotFoundError"):
        import_app("outer:app")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\nimport json\njson.loads('{')\n", "JSONDecodeError: .*, at failing.py:3"),
        ("def read():\n    return 1 / 0\nread()\n", "division by zero, at failing.py:2"),
        ("import os\n\nif os:\nx = 1\n", "IndentationError: expected .*, at failing.py:4"),
        ("import sys\nsys.exit(3)\n", "exits with 3 when imported, at failing.py:2"),
        ("\nimport no_such_module\n", "No module named 'no_such_module', at failing.py:2"),
    ],
)
def test_a_failed_import_names_the_line_of_the_apps_own_code(
    text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "failing.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.delitem(sys.modules, "failing", raising=False)
    with pytest.raises(ImportFailed, match=f"{words}$"):
        import_app("failing:app")


def test_a_factory_that_fails_names_the_line_of_the_apps_own_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "unmade.py").write_text("def make():\n    raise KeyError('DSN')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    with pytest.raises(ImportFailed, match=r"make\(\) failed: KeyError: 'DSN', at unmade.py:2$"):
        import_app("unmade:make", factory=True)


@pytest.mark.parametrize("attribute", ["make", "space.make"])
def test_a_factory_is_called_and_returns_the_app(
    attribute: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made.py").write_text(
        "async def app(scope, receive, send): ...\n"
        "def make(): return app\n"
        "class space: make = staticmethod(make)\n"
    )
    monkeypatch.setattr("sys.path", [])
    monkeypatch.delitem(__import__("sys").modules, "made", raising=False)
    monkeypatch.chdir(tmp_path)
    found = import_app(f"made:{attribute}", factory=True)
    assert getattr(found, "__name__", None) == "app"
    if attribute == "make":
        with pytest.raises(
            ImportFailed, match=r"calling it returns the app, write 'made:make\(\)'"
        ):
            import_app("made:make")
        with pytest.raises(ImportFailed, match=r"app is an ASGI app, .* without --f"):
            import_app("made:app", factory=True)
