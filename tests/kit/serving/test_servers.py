"""Servers are chosen by row or by program, and a missing one is named."""

from __future__ import annotations

import pytest

from asgi_liveness.errors import UsageError
from asgi_liveness.serving import servers
from asgi_liveness.serving.servers import (
    SERVERS,
    ServerKind,
    choose_servers,
    version,
)


def install(monkeypatch: pytest.MonkeyPatch, *distributions: str) -> None:
    """Let only these distributions be installed."""
    monkeypatch.setattr(servers, "version", lambda name: "1.0" if name in distributions else None)


def chosen(*names: str) -> list[str]:
    return [kind.name for kind in choose_servers(names)]


@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.name)
def test_a_command_takes_one_socket_and_serves_the_wrapper(kind: ServerKind) -> None:
    command = " ".join(kind.command)
    assert command.count("{fd}") + command.count("{port}") == 1
    assert kind.command[-1] == "asgi_liveness.inside.wrapper:app"


@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.name)
def test_a_command_runs_the_program_that_its_name_begins_with(kind: ServerKind) -> None:
    program = kind.name.partition("/")[0]
    assert kind.command[:2] == ("-m", program)
    assert program in kind.distributions


def test_all_installed_servers_are_chosen_without_names(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "uvicorn", "hypercorn")
    assert chosen() == ["uvicorn/asyncio", "hypercorn"]


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (["uvicorn/uvloop"], ["uvicorn/uvloop"]),
        (["uvicorn"], ["uvicorn/asyncio", "uvicorn/uvloop"]),
        (["hypercorn", "uvicorn/asyncio"], ["uvicorn/asyncio", "hypercorn"]),
        (["uvicorn", "uvicorn/asyncio"], ["uvicorn/asyncio", "uvicorn/uvloop"]),
    ],
)
def test_a_name_is_a_row_or_a_program(
    monkeypatch: pytest.MonkeyPatch, names: list[str], rows: list[str]
) -> None:
    install(monkeypatch, "uvicorn", "uvloop", "hypercorn")
    assert chosen(*names) == rows


def test_a_program_stands_for_its_installed_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "uvicorn")
    assert chosen("uvicorn") == ["uvicorn/asyncio"]


@pytest.mark.parametrize("name", ["gunicorn", "uvicorn/trio", "Uvicorn", ""])
def test_an_unknown_name_is_an_error_with_the_known_names(name: str) -> None:
    with pytest.raises(UsageError) as raised:
        choose_servers(["uvicorn", name])
    assert str(raised.value) == (
        f"no server is called {name!r}; choose from: uvicorn/asyncio, uvicorn/uvloop, hypercorn"
    )


@pytest.mark.parametrize(
    ("name", "installed", "missing"),
    [
        ("uvicorn/uvloop", ["uvicorn"], "uvloop"),
        ("uvicorn/uvloop", [], "uvicorn uvloop"),
        ("uvicorn", [], "uvicorn"),
        ("hypercorn", ["uvicorn"], "hypercorn"),
    ],
)
def test_a_missing_server_is_an_error_with_its_packages(
    monkeypatch: pytest.MonkeyPatch, name: str, installed: list[str], missing: str
) -> None:
    install(monkeypatch, *installed)
    with pytest.raises(UsageError) as raised:
        choose_servers([name])
    assert str(raised.value) == (f"{name} is not installed: pip install {missing}")


def test_no_installed_server_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    with pytest.raises(UsageError, match=r"^no supported server is installed here: pip install"):
        choose_servers([])


def test_a_version_is_the_installed_distributions() -> None:
    assert version("pytest") == pytest.__version__
    assert version("no-such-distribution") is None
