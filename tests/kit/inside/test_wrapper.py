"""What the wrapper takes for an ASGI app, and what it says of it."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from asgi_liveness.inside.ledger import Ledger
from asgi_liveness.inside.wrapper import (
    ImportFailed,
    Wrapper,
    describe,
    import_app,
    is_asgi,
)


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
def test_anything_else_is_none(other: object) -> None:
    assert not is_asgi(other)


def test_an_app_is_called_by_its_class_and_distribution() -> None:
    client: Any = httpx.Client()  # a class that comes from a distribution
    with client:
        assert describe(client) == {
            "name": "Client",
            "package": "httpx",
            "version": httpx.__version__,
        }


def test_an_app_of_no_distribution_has_no_name() -> None:
    assert describe(Instance()) == {"name": None, "package": None, "version": None}


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


def test_an_inner_module_that_is_missing_is_not_taken_for_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outer.py").write_text("import inner_that_is_not_there\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(ImportFailed, match="importing outer failed: ModuleNotFoundError"):
        import_app("outer:app")


@pytest.mark.parametrize("left", [True, False])
def test_what_a_client_left_behind_is_freed_after_its_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, left: bool
) -> None:
    (tmp_path / "patient.py").write_text(
        "async def app(scope, receive, send):\n"
        "    while (await receive())['type'] == 'http.request': ...\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    freed: list[None] = []
    monkeypatch.setattr("gc.collect", lambda: freed.append(None))
    messages = iter(["http.request", "http.disconnect" if left else "something.else"])

    async def receive() -> MutableMapping[str, Any]:
        return {"type": next(messages)}

    async def send(_: MutableMapping[str, Any]) -> None: ...

    with Ledger.create(tmp_path / "ledger") as ledger:
        app = Wrapper("patient:app", ledger)
        asyncio.run(app({"type": "http"}, receive, send))
    assert len(freed) == left
