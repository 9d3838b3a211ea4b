"""The options of a check in ``[tool.asgi-liveness]`` of a project's ``pyproject.toml``.

The rule: keys are those of ``Options``, with dashes; what the command line says wins. Headers may
stand here, for an app may answer nobody without them; a body may not, it belongs to one request.
"""

from __future__ import annotations

import difflib
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.checking.duration import parse_duration
from asgi_liveness.checking.options import Options
from asgi_liveness.errors import UsageError
from asgi_liveness.files import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TIMES: Final = ("duration", "max_stall", "start_limit")
_LISTS: Final = ("command", "during", "headers")
_KINDS: Final[dict[str, tuple[type, str]]] = {
    **dict.fromkeys(("factory", "openapi", "allow_remote"), (bool, "true or false")),
    "concurrency": (int, "a whole number"),
}
_KEYS: Final = [field.name.replace("_", "-") for field in fields(Options) if field.name != "body"]


def options(given: Mapping[str, Any], start: Path) -> Options:
    """Return what is *given*, and what it leaves open from the settings of the folder *start*."""
    settings = load(start)
    if "target" in given or "command" in given:  # the other of the two would contradict it
        settings = {key: settings[key] for key in settings.keys() - {"target", "command"}}
    return Options(**{**settings, **given})


def load(start: Path) -> dict[str, Any]:
    """Return the options that the project around *start* has, by their names in ``Options``."""
    path = _find(start)
    if path is None:
        return {}
    table = read_toml(path)
    tools = table.get("tool", {})
    settings = tools.get("asgi-liveness", {}) if isinstance(tools, dict) else {}
    where = f"{path}, [tool.asgi-liveness]"
    if not isinstance(settings, dict):
        raise UsageError(f"{where}: it must be a table of options")
    found: dict[str, Any] = {
        key.replace("-", "_"): _read(key, value, where) for key, value in settings.items()
    }
    if path.parent != start and ("target" in found or "app_dir" in found):
        found["app_dir"] = str(path.parent / found.get("app_dir", ""))
    return found


def _find(start: Path) -> Path | None:
    """Return the nearest ``pyproject.toml``, in *start* or above it within its repository."""
    folders = [start, *start.parents]
    roots = [folder for folder in folders if (folder / ".git").exists()]
    within = folders[: folders.index(roots[0]) + 1] if roots else [start]
    files = (folder / "pyproject.toml" for folder in within)
    return next((file for file in files if file.is_file()), None)


def _read(key: str, value: object, where: str) -> object:
    if key == "body":
        raise UsageError(f"{where}: a body belongs to one request; give it with -d DATA")
    if key not in _KEYS:
        near = difflib.get_close_matches(key, _KEYS, n=1)
        meant = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(_KEYS)}"
        raise UsageError(f"{where}: there is no {key!r}; {meant}")
    name = key.replace("-", "_")
    if name in TIMES:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return parse_duration(str(value), f"{where}: {key!r} is")
        raise UsageError(f"{where}: {key!r} must be a time, as '4s' or 4")
    if name in _LISTS:
        texts = [value] if isinstance(value, str) and name != "command" else value
        if isinstance(texts, list) and all(isinstance(text, str) and text for text in texts):
            return tuple(texts)
        raise UsageError(f"{where}: {key!r} must be a list of texts")
    kind, words = _KINDS.get(name, (str, "a text"))
    if type(value) is not kind or value == "":
        raise UsageError(f"{where}: {key!r} must be {words}")
    return value
