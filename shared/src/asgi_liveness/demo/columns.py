"""The columns that the demo serves: in the package if it was built, else in the clone around it.

The rule: the columns' own files are served and shown; the kit has no second copy of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asgi_liveness
from asgi_liveness.errors import UsageError
from asgi_liveness.files import read_toml
from asgi_liveness.serving.servers import ServerKind, choose_servers, version

FRAMEWORKS: Final = ("fastapi", "starlette", "quart")
"""The frameworks, in the order in which ``f`` changes them; also the names of their packages."""
_KIT: Final = Path(asgi_liveness.__file__).parent
_PLACES: Final = (_KIT / "columns", _KIT.parents[2])
"""The folder that the build makes, and the clone."""


@dataclass(frozen=True)
class Column:
    """One framework's folder."""

    name: str
    folder: Path
    title: str
    program: str
    """The server that its own documentation uses."""

    @property
    def package(self) -> str:
        """The name of its folder, which is the package of its app."""
        return self.folder.name

    @property
    def target(self) -> str:
        """The app, as ``module:attribute``."""
        return f"{self.package}.app:app"

    @property
    def words(self) -> str:
        """The framework with its version."""
        return f"{self.title} {version(self.name) or ''}".rstrip()

    def server(self, name: str = "") -> ServerKind:
        """Return the server called *name*; else its own if that is installed, else any other.

        Raises ``UsageError`` for an unknown name, and if none is installed.
        """
        if name:
            return choose_servers([name])[0]
        installed = choose_servers([])
        own = [kind for kind in installed if kind.name.partition("/")[0] == self.program]
        return (own or installed)[0]


def column(name: str) -> Column:
    """Return the column of a framework. Raises ``UsageError`` if it is not installed."""
    if version(name) is None:
        raise UsageError(f"{name} is not installed: pip install {name}")
    for place in _PLACES:
        folder = place / f"{name}_impl"
        if (folder / "column.toml").exists():
            known = read_toml(folder / "column.toml")
            return Column(name, folder, str(known["title"]), str(known["server"]))
    raise UsageError(f"the example for {name} is not in this installation: install the wheel")


def columns() -> list[Column]:
    """Return the columns of all installed frameworks. Raises ``UsageError`` if there is none."""
    installed = [name for name in FRAMEWORKS if version(name) is not None]
    if not installed:
        raise UsageError("no framework is installed here: pip install 'asgi-liveness[demo]'")
    return [column(name) for name in installed]
