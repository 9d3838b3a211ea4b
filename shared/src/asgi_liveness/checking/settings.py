"""The options of a check in ``[tool.asgi-liveness]`` of a project's ``pyproject.toml``.

The rule: keys are the names of the fields of ``Options``, with dashes; the command line wins.
Headers may stand here, for some apps answer nobody without them; a body may not, since it belongs
to one request, but for those of ``before``.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.checking.before import described
from asgi_liveness.checking.duration import parse_duration
from asgi_liveness.checking.option import OptionKind
from asgi_liveness.checking.options import DECLARED, Options
from asgi_liveness.errors import UsageError
from asgi_liveness.files import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TABLE: Final = "[tool.asgi-liveness]"
_NAMES: Final = {
    name.replace("_", "-"): name
    for name, row in DECLARED.items()
    if row.kind is not OptionKind.DATA
}
"""The names of the options by their keys."""
_TYPES: Final[dict[OptionKind, tuple[type, str]]] = {
    OptionKind.TARGET: (str, "a text"),
    OptionKind.TEXT: (str, "a text"),
    OptionKind.COUNT: (int, "a whole number"),
    OptionKind.FLAG: (bool, "true or false"),
    OptionKind.SCOPE: (bool, 'true, false or "all"'),
}


def options(given: Mapping[str, Any], start: Path) -> Options:
    """Return the options that are *given*, and the others from the settings of folder *start*."""
    settings = load(start)
    if "target" in given or "command" in given:  # the other of the two would contradict it
        settings = {key: settings[key] for key in settings.keys() - {"target", "command"}}
    return Options(**{**settings, **given})


def load(start: Path) -> dict[str, Any]:
    """Return the settings of the project around *start*, by the names of ``Options``."""
    path = _find(start)
    if path is None:
        return {}
    table = read_toml(path)
    tools = table.get("tool", {})
    settings = tools.get("asgi-liveness", {}) if isinstance(tools, dict) else {}
    where = f"{path}, {_TABLE}"
    if not isinstance(settings, dict):
        raise UsageError(f"{where}: it must be a table of options")
    found = {
        _name(key, where): _read(key, value, where, path.parent) for key, value in settings.items()
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


def _name(key: str, where: str) -> str:
    """Return the name of the option that *key* sets."""
    if key == "body":
        raise UsageError(f"{where}: a body belongs to one request; give it with -d DATA")
    if key not in _NAMES:
        near = difflib.get_close_matches(key, _NAMES, n=1)
        meant = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(_NAMES)}"
        raise UsageError(f"{where}: there is no {key!r}; {meant}")
    return _NAMES[key]


def _read(key: str, value: object, where: str, folder: Path) -> Any:
    """Return the value of an option, as ``Options`` takes it."""
    kind = DECLARED[_NAMES[key]].kind
    if kind is OptionKind.TIME:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return parse_duration(str(value), f"{where}: {key!r} is")
        raise UsageError(f"{where}: {key!r} must be a time, as '4s' or 4")
    if kind in (OptionKind.TEXTS, OptionKind.HEADERS, OptionKind.WORDS):
        texts = [value] if isinstance(value, str) and kind is not OptionKind.WORDS else value
        if isinstance(texts, list) and all(isinstance(text, str) and text for text in texts):
            return tuple(texts)
        raise UsageError(f"{where}: {key!r} must be a list of texts")
    if kind is OptionKind.BEFORE:
        rows = value if isinstance(value, list) else [value]
        return tuple(described(row, f"{where}: {key!r}", folder) for row in rows)
    if kind is OptionKind.SCOPE and value == "all":
        return value
    type_, words = _TYPES[kind]
    if type(value) is not type_ or value == "":
        raise UsageError(f"{where}: {key!r} must be {words}")
    return value
