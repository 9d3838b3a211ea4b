"""What is compared: the table in pyproject.toml, and each column's own ``column.toml``.

The rule: everything that tests, tools and documents know of one framework stands in its row or in
its folder, so that a folder and a row are all that a new column needs.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
COMPARISON: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
    "comparison"
]
FRAMEWORKS: Final[dict[str, str]] = {
    name: f"{name}_impl.app:app" for name in COMPARISON["frameworks"]
}
"""Each column's app."""


@dataclass(frozen=True)
class Deviation:
    """Lines of one function that differ from the first column's; either may be empty."""

    function: str
    first: str = ""
    """The first column's statements ..."""
    here: str = ""
    """... and the statements that stand in their place here."""


@dataclass(frozen=True)
class Column:
    """What one ``column.toml`` says. CONTRIBUTING.md explains the keys."""

    name: str
    title: str
    server: str
    """The program in the docstring of ``app.py``."""
    threads: str
    """The thread pool that runs plain ``def`` routes: ``anyio`` or ``asyncio``."""
    uvicorn_waits: bool
    """Whether uvicorn waits for a background task before it exits."""
    made_of: tuple[str, ...] = ()
    """Other frameworks of the table that the framework itself installs."""
    responses: tuple[str, ...] = ()
    """Names of the calls that a handler wraps the body of its response in."""
    route_call: str = ""
    """Name of the call that makes one route of a table; empty where routes are decorators."""
    deviations: tuple[Deviation, ...] = ()


def column(name: str) -> Column:
    """Read one column's file. Raises ``ValueError`` with one line for a bad one."""
    path = ROOT / f"{name}_impl" / "column.toml"
    where = path.relative_to(ROOT)
    try:
        table = tomllib.loads(path.read_text())
        deviations = tuple(Deviation(**row) for row in table.pop("deviation", ()))
    except OSError as error:
        raise ValueError(f"{where} cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{where} is not TOML: {error}") from error
    except TypeError as error:
        keys = ", ".join(field.name for field in fields(Deviation))
        raise ValueError(f"{where}: a [[deviation]] has the keys {keys}") from error
    known = {field.name for field in fields(Column)} - {"name", "deviations"}
    if unknown := table.keys() - known:
        keys = ", ".join(sorted(known))
        raise ValueError(f"{where}: there is no key {min(unknown)!r}; the keys are {keys}")
    for key in ("title", "server", "threads", "uvicorn_waits"):
        if key not in table:
            raise ValueError(f"{where}: the key {key!r} is missing")
    if table["threads"] not in ("anyio", "asyncio"):
        raise ValueError(f"{where}: threads must be 'anyio' or 'asyncio'")
    if table["uvicorn_waits"] not in (True, False):
        raise ValueError(f"{where}: uvicorn_waits must be true or false")
    lists = {key: tuple(value) for key, value in table.items() if isinstance(value, list)}
    return Column(name=name, deviations=deviations, **table | lists)


COLUMNS: Final = {name: column(name) for name in FRAMEWORKS}


def known_differences() -> list[Path]:
    """Return the files that list known differences: the shared one and the columns' own."""
    own = (ROOT / f"{name}_impl" / "known_differences.toml" for name in FRAMEWORKS)
    return [ROOT / str(COMPARISON["known"]), *(path for path in own if path.exists())]
