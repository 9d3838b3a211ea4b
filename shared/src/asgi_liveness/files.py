"""Reading of the files that a user names, with errors of one line."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def read_toml(path: Path) -> dict[str, Any]:
    """Return the table in *path*. Raises ``UsageError`` if *path* cannot be read or is not TOML."""
    return _read(path, tomllib.loads, "TOML")  # type: ignore[no-any-return]  # TOML is a table


def read_json(path: Path) -> Any:
    """Return the value in *path*. Raises ``UsageError`` if *path* cannot be read or is not JSON."""
    return _read(path, json.loads, "JSON")


def _read(path: Path, parse: Callable[[str], Any], form: str) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path} is not {form}: {error}") from error
