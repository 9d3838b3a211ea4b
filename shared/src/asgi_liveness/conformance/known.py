"""Known differences: which case a target is known to fail, where, why, and who says so.

The file has one table a row::

    [[difference]]
    case = "LIVE-011"                # or several: ["POOL-001", "POOL-003"]
    target = "quart_impl.app:app"    # or several
    server = ["uvicorn/asyncio"]     # left out: on every server
    python = ["3.11"]                # left out: on every Python
    reason = "what is different, in a sentence"
    link = "https://..."

A row excuses nothing but what it lists: one that does not hold fails its case, one that can
match nothing is an error.
"""

from __future__ import annotations

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
_SEVERAL: Final = ("case", "target")  # a text or a list of texts
_ONE: Final = ("reason", "link")
_OPTIONAL: Final = ("server", "python")
_KNOWN: Final = (*_SEVERAL, *_ONE, *_OPTIONAL)
_SERVERS: Final = tuple(server.name for server in SERVERS)


@dataclass(frozen=True)
class Difference:
    """One row."""

    case: tuple[str, ...]
    target: tuple[str, ...]
    reason: str
    link: str
    server: tuple[str, ...]
    python: tuple[str, ...]

    def covers(self, case: str, target: str, server: str) -> bool:
        """Whether the row is about this case id on this target and server, on this Python."""
        return (
            case in self.case
            and target in self.target
            and server in self.server
            and PYTHON in self.python
        )


def load(path: Path, targets: Iterable[str]) -> list[Difference]:
    """Read the rows of *path* for a run of *targets*. Raises ``UsageError`` for a bad one."""
    table = read_toml(path)
    if unknown := table.keys() - {"difference"}:
        raise UsageError(f"{path} has {min(unknown)!r}; a row begins with [[difference]]")
    rows = table.get("difference", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{path}: a row begins with [[difference]], in double brackets")
    return [_read(row, f"{path}, row {n}", set(targets)) for n, row in enumerate(rows, start=1)]


def _read(row: dict[str, Any], where: str, targets: set[str]) -> Difference:
    if unknown := row.keys() - set(_KNOWN):
        raise UsageError(f"{where}: there is no {min(unknown)!r}; known: {', '.join(_KNOWN)}")
    row = row | {key: [row[key]] for key in _SEVERAL if isinstance(row.get(key), str)}
    for key in _SEVERAL:
        if not _is_texts(row.get(key)):
            raise UsageError(f"{where}: {key!r} must be there and be a text, or several")
    for key in _ONE:
        if not isinstance(row.get(key), str) or not row[key]:
            raise UsageError(f"{where}: {key!r} must be there and be a text")
    for key in _OPTIONAL:
        if key in row and not _is_texts(row[key]):
            raise UsageError(f"{where}: {key!r} must be a list of texts, or left out for all")
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
    """Refuse what can match nothing."""
    if unknown := set(row.case) - {case.id for case in CASES}:
        raise UsageError(
            f"{where}: there is no case {min(unknown)!r}; `asgi-liveness explain` lists all"
        )
    if strange := set(row.server) - set(_SERVERS):
        names = ", ".join(_SERVERS)
        raise UsageError(f"{where}: no server is called {min(strange)!r}; {names} are")
    if odd := [version for version in row.python if not re.fullmatch(r"3\.\d+", version)]:
        raise UsageError(f"{where}: {odd[0]!r} is no Python; write it like {PYTHON!r}")
    modules = {target.partition(":")[0] for target in targets}
    for target in set(row.target) - targets:
        module = target.partition(":")[0]
        if module in modules or not _importable(module):
            raise UsageError(
                f"{where}: the target {target!r} is not in this run and cannot be found here"
            )


def _is_texts(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(text, str) and text for text in value)
    )


def _importable(module: str) -> bool:
    sys.path.insert(0, "")
    try:
        return importlib.util.find_spec(module) is not None
    except Exception:  # noqa: BLE001 (it imports the parent package, which may do anything)
        return False
    finally:
        sys.path.remove("")
