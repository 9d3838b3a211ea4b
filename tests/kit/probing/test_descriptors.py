"""As many requests are under way as the limit on open files allows."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from asgi_liveness.probing import descriptors
from asgi_liveness.probing.descriptors import most_under_way


def limit(monkeypatch: pytest.MonkeyPatch, soft: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))


def test_open_files_and_a_reserve_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, 1024)
    with Path(__file__).open("rb"):
        fewer = most_under_way()
    assert most_under_way() == fewer + 1
    assert 0 < 1024 - descriptors._RESERVE - fewer < 1024


def test_a_small_limit_allows_some_and_none_allows_many(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, 10)
    assert most_under_way() == descriptors._LEAST
    limit(monkeypatch, resource.RLIM_INFINITY)
    assert most_under_way() > 10**6
