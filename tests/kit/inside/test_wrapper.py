"""The wrapper describes the app that it serves, and frees the loops of closed connections."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from asgi_liveness.inside.ledger import Ledger
from asgi_liveness.inside.wrapper import Wrapper, describe


class Instance:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


def test_an_app_is_described_by_its_class_and_distribution() -> None:
    client: Any = httpx.Client()  # a class that comes from a distribution
    with client:
        assert describe(client) == {
            "name": "Client",
            "package": "httpx",
            "version": httpx.__version__,
        }


def test_an_app_of_no_distribution_has_no_name() -> None:
    assert describe(Instance()) == {"name": None, "package": None, "version": None}


@pytest.mark.parametrize("disconnects", [True, False])
def test_a_disconnect_frees_the_loop_of_its_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, disconnects: bool
) -> None:
    (tmp_path / "patient.py").write_text(
        "async def app(scope, receive, send):\n"
        "    while (await receive())['type'] == 'http.request': ...\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    freed: list[None] = []
    monkeypatch.setattr("gc.collect", lambda: freed.append(None))
    messages = iter(["http.request", "http.disconnect" if disconnects else "something.else"])

    async def receive() -> MutableMapping[str, Any]:
        return {"type": next(messages)}

    async def send(_: MutableMapping[str, Any]) -> None: ...

    with Ledger.create(tmp_path / "ledger") as ledger:
        app = Wrapper("patient:app", ledger)
        asyncio.run(app({"type": "http"}, receive, send))
    assert len(freed) == disconnects
