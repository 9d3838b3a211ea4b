"""The path that a check probes is the one that --probe names, or the first usual one."""

from __future__ import annotations

import asyncio

import pytest

from asgi_liveness.checking import probe_path
from asgi_liveness.checking.probe_path import choose_path
from asgi_liveness.errors import UsageError
from tests.kit.checking.shop import folder, refused

__all__ = ["folder"]  # every test runs in it


def chosen(statuses: dict[str, int | None], path: str = "") -> str:
    """Choose the path of an app that answers with *statuses*, and 404 elsewhere."""

    async def status(_: str, path: str) -> int | None:
        return statuses.get(path, 404)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe_path, "_status", status)
        return asyncio.run(choose_path("http://app", path, required=bool(path)))


@pytest.mark.parametrize(
    ("statuses", "path"),
    [
        ({"/healthz": 200, "/health": 200}, "/healthz"),
        ({"/livez": 200, "/": 200}, "/livez"),
        ({"/": 200}, "/"),
        ({"/health": 503, "/": 200}, "/health"),
        ({"/healthz": None, "/": 200}, "/"),
        ({}, "/healthz"),
        ({"/healthz": None}, "/health"),
    ],
)
def test_the_first_path_that_the_app_has_is_chosen(
    statuses: dict[str, int | None], path: str
) -> None:
    assert chosen(statuses) == path


def test_the_named_path_is_chosen_and_must_exist() -> None:
    assert chosen({"/": 200, "/ping?a=b": 401}, "/ping?a=b") == "/ping?a=b"
    with pytest.raises(UsageError, match="--probe /ping answered 404; name a path that the app"):
        chosen({"/": 200}, "/ping")


def test_a_path_that_was_chosen_before_may_answer_404() -> None:
    async def status(*_: str) -> int:
        return 404

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe_path, "_status", status)
        assert asyncio.run(choose_path("http://app", "/healthz")) == "/healthz"


def test_an_app_without_a_path_that_responds_is_refused() -> None:
    nothing = dict.fromkeys(probe_path.USUAL)
    with pytest.raises(UsageError, match="/healthz and /health and /livez and / sent no response"):
        chosen(nothing)
    with pytest.raises(UsageError, match=r"^/ping sent no response within 5 s while the app was"):
        chosen({"/ping": None}, "/ping")


@pytest.mark.servers
def test_a_path_that_responds_only_once_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_path, "_RESPONSE_LIMIT", 0.05)
    error = refused(target="shop:hangs", probe="/healthz")
    assert error.startswith("/healthz sent no response within 0.05 s while the app was idle")
