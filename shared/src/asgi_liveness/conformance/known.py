"""Known differences: the cases that a target is known to fail, where, why, and by which source.

Each row of the file is one table::

    [[difference]]
    case = "LIVE-011"                # or several: ["POOL-001", "POOL-003"]
    target = "quart_impl.app:app"    # or several
    server = ["uvicorn/asyncio"]     # left out: on every server
    python = ["3.11"]                # left out: on every Python
    reason = "the difference, in a sentence"
    link = "https://..."

The rule: a row excuses only the cells that it lists. If such a cell passes, its case fails; a row
that can match no cell is an error.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.conformance.cases import CASES
from asgi_liveness.errors import UsageError
from asgi_liveness.files import read_toml
from asgi_liveness.serving.servers import SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
_STRINGS: Final = ("case", "target")  # a string or a list of strings
_STRING: Final = ("reason", "link")
_OPTIONAL: Final = ("server", "python")
_KNOWN: Final = (*_STRINGS, *_STRING, *_OPTIONAL)
_SERVERS: Final = tuple(server.name for server in SERVERS)


@dataclass(frozen=True)
class Difference:
    """One row of the file."""

    case: tuple[str, ...]
    target: tuple[str, ...]
    reason: str
    link: str
    server: tuple[str, ...]
    python: tuple[str, ...]

    def covers(self, case: str, target: str, server: str) -> bool:
        """Return whether the row lists this case id, target and server, and the running Python."""
        return (
            case in self.case
            and target in self.target
            and server in self.server
            and PYTHON in self.python
        )


def load(path: Path, targets: Iterable[str]) -> list[Difference]:
    """Read the rows of *path* for a run of *targets*. Raises ``UsageError`` for a bad row."""
    table = read_toml(path)
    if unknown := table.keys() - {"difference"}:
        raise UsageError(f"{path} has {min(unknown)!r}; begin each row with [[difference]]")
    rows = table.get("difference", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{path}: begin each row with [[difference]], in double brackets")
    return [_read(row, f"{path}, row {n}", set(targets)) for n, row in enumerate(rows, start=1)]


def _read(row: dict[str, Any], where: str, targets: set[str]) -> Difference:
    if unknown := row.keys() - set(_KNOWN):
        raise UsageError(f"{where}: unknown key {min(unknown)!r}; choose from: {', '.join(_KNOWN)}")
    row = row | {key: [row[key]] for key in _STRINGS if isinstance(row.get(key), str)}
    for key in _STRINGS:
        if not _is_strings(row.get(key)):
            raise UsageError(f"{where}: {key!r} is required, as a string or a list of strings")
    for key in _STRING:
        if not isinstance(row.get(key), str) or not row[key]:
            raise UsageError(f"{where}: {key!r} is required, as a string")
    for key in _OPTIONAL:
        if key in row and not _is_strings(row[key]):
            raise UsageError(f"{where}: {key!r} must be a list of strings; omit it for all")
    found = Difference(
        case=tuple(row["case"]),
        target=tuple(row["target"]),
        reason=row["reason"],
        link=row["link"],
        server=tuple(row.get("server", _SERVERS)),
        python=tuple(row.get("python", [PYTHON])),
    )
    _check(found, where, targets)
    return found


def _check(row: Difference, where: str, targets: set[str]) -> None:
    """Refuse a row that can match no cell."""
    if unknown := set(row.case) - {case.id for case in CASES}:
        raise UsageError(
            f"{where}: there is no case {min(unknown)!r}; `asgi-liveness explain` lists all cases"
        )
    if strange := set(row.server) - set(_SERVERS):
        names = ", ".join(_SERVERS)
        raise UsageError(f"{where}: there is no server {min(strange)!r}; choose from: {names}")
    if odd := [version for version in row.python if not re.fullmatch(r"3\.\d+", version)]:
        raise UsageError(f"{where}: {odd[0]!r} is not a Python version; write it like {PYTHON!r}")
    modules = {target.partition(":")[0] for target in targets}
    for target in set(row.target) - targets:
        module = target.partition(":")[0]
        if module in modules or not _importable(module):
            raise UsageError(
                f"{where}: the target {target!r} is not in this run and cannot be imported here; "
                "correct its name or remove the row"
            )


def _is_strings(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(text, str) and text for text in value)
    )


def _importable(module: str) -> bool:
    """Whether there is a file to import. No package is imported: that may do anything, and exit."""
    first, *others = module.split(".")
    sys.path.insert(0, "")
    try:
        spec = importlib.util.find_spec(first)
        for name in others:
            within = spec.submodule_search_locations if spec else None
            spec = importlib.machinery.PathFinder.find_spec(name, [*within]) if within else None
    except (ImportError, ValueError, OSError):
        return False
    finally:
        sys.path.remove("")
    return spec is not None
