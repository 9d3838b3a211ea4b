"""The program and the package that a target or a command names."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asgi_liveness.errors import UsageError
from asgi_liveness.files import read_bytes
from asgi_liveness.stalls.stack import is_serving

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.checking.options import Options

_SCRIPT: Final = 2**16  # bytes; the script of an installed program has some 200
_TOOLS: Final = ("/pipx/", "/uv/tools/", "/uv/archive")
"""Where pipx and uvx keep the environments that they run tools in."""
_HOST: Final = re.compile(r"localhost|[0-9.]+|https?|\[[0-9a-f:]*\]?")
"""What stands before the colon of an address that lacks its scheme, or a part of it."""
_APP: Final = re.compile(r"(?P<package>[A-Za-z_]\w*)(?:\.\w+)*:[A-Za-z_][\w.]*(?:\(\))?")
_IMPORT: Final = re.compile(r"^from (?P<package>\w+)[\w.]* import", re.MULTILINE)


def package_of(options: Options) -> str:
    """Return the top-level package of the app, or "" if neither target nor command names it."""
    return _named_in([options.target]) if options.target else package_in(options.command)


def _named_in(words: Sequence[str]) -> str:
    found = (match["package"] for match in map(_APP.fullmatch, words) if match)
    return next(found, "")


def package_in(words: Sequence[str]) -> str:
    """Return the top-level package of the app that a command names, or that it is itself."""
    if named := _named_in(words):
        return named
    try:  # the script of an installed program imports its package
        script = read_bytes(Path(program_of(words[0])), _SCRIPT).decode()
    except (UsageError, UnicodeDecodeError):
        return ""
    imports = _IMPORT.search(script)
    return imports["package"] if imports and not is_serving(imports["package"]) else ""


def check_name(target: str) -> None:
    """Raise ``UsageError`` if *target* is no ``module:attribute``, with what to write instead."""
    module, _, attribute = target.partition(":")
    if attribute.isdecimal() or _HOST.fullmatch(module):
        port = attribute if attribute.isdecimal() else "8000"
        host = module if module and not module.startswith("http") else "127.0.0.1"
        raise UsageError(f"{target!r} is an address; write http://{host}:{port}")
    if "/" in module or module.endswith(".py"):
        folder, name = _as_module(Path(module))
        within = f" --app-dir {shlex.quote(folder)}" if folder else ""
        raise UsageError(
            f"{target!r} names a file; name the app in it as a module: "
            f"{name}:{attribute or 'app'}{within}"
        )
    if not module.strip():
        raise UsageError(f"{target!r} names no module; write module:attribute, as myapp.main:app")


def _as_module(path: Path) -> tuple[str, str]:
    """Return the folder to import a file from, if it is not the current one, and its module."""
    *folders, name = path.with_suffix("").parts
    if path.is_absolute() or ".." in folders:
        return str(path.parent), name
    if folders[:1] == ["src"]:
        return "src", ".".join([*folders[1:], name])
    return "", ".".join([*folders, name])


def program_of(program: str) -> str:
    """Return where a program is: on the PATH, or in the folder of this Python."""
    own = Path(sys.executable).parent / program
    return shutil.which(program) or (str(own) if own.exists() else program)


def tool_hint(target: str) -> str:
    """Return a hint for a check that runs in the environment of a tool, which lacks the app."""
    if not any(path in f"{sys.prefix}/" for path in _TOOLS):
        return ""
    return (
        f"; this runs in a tool's own environment ({sys.prefix}): install asgi-liveness into the "
        f"app's, or give its server as a command: -- .venv/bin/uvicorn --port {{port}} {target}"
    )
