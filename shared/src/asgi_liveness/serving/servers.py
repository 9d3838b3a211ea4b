"""The servers: the command that starts each as its users do, and the packages that it needs.

One worker each. A server gets its listening socket as a descriptor, so that no other process can
take its port.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class ServerKind:
    """One way to serve an app, with one worker."""

    name: str
    distributions: tuple[str, ...]
    """The packages that must be installed."""
    command: tuple[str, ...]
    """Arguments to Python. ``{fd}`` becomes the number of a listening socket; a server that takes
    no descriptor has ``{port}`` instead."""
    recommended: tuple[str, ...] = ()
    """Further arguments that the documentation recommends in production."""

    @property
    def missing(self) -> list[str]:
        """The distributions that are not installed here."""
        return [name for name in self.distributions if version(name) is None]


_APP: Final = "asgi_liveness.inside.wrapper:app"
_UVICORN: Final = ("--timeout-graceful-shutdown", "3")
SERVERS: Final = (
    ServerKind(
        "uvicorn/asyncio",
        ("uvicorn",),
        ("-m", "uvicorn", "--loop", "asyncio", "--fd", "{fd}", _APP),
        _UVICORN,
    ),
    ServerKind(
        "uvicorn/uvloop",
        ("uvicorn", "uvloop"),
        ("-m", "uvicorn", "--loop", "uvloop", "--fd", "{fd}", _APP),
        _UVICORN,
    ),
    ServerKind(
        "hypercorn",
        ("hypercorn",),
        ("-m", "hypercorn", "--worker-class", "asyncio", "--bind", "fd://{fd}", _APP),
    ),
)


def choose_servers(names: Iterable[str]) -> list[ServerKind]:
    """Return the servers of these *names*, in the table's order; without names, all installed ones.

    A name is a row's (``uvicorn/uvloop``) or a program's (``uvicorn``). Raises ``UsageError`` for
    an unknown name and for a server that is not installed.
    """
    chosen: set[str] = set()
    for name in names:
        rows = [row for row in SERVERS if name in (row.name, row.name.partition("/")[0])]
        if not rows:
            known = ", ".join(row.name for row in SERVERS)
            raise UsageError(f"no server is called {name!r}; choose from: {known}")
        installed = [row for row in rows if not row.missing]
        if not installed:
            missing = " ".join(rows[0].missing)
            raise UsageError(f"{name} is not installed: pip install {missing}")
        chosen |= {row.name for row in installed}
    if not chosen:
        chosen = {row.name for row in SERVERS if not row.missing}
    if not chosen:
        raise UsageError("no supported server is installed here: pip install uvicorn")
    return [row for row in SERVERS if row.name in chosen]


def version(distribution: str) -> str | None:
    """Return the installed version of *distribution*, or None."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(distribution)
    return None
