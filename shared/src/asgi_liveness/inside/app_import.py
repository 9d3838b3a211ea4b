"""The import of an app by its name, in the way of servers."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    ASGIApp = Callable[[Message, Receive, Send], Awaitable[None]]


_INSTALLED: Final = {"site-packages", "dist-packages"}


class ImportFailed(Exception):
    """The target cannot be imported; ``str()`` is the reason, in one line."""


def import_app(target: str, *, factory: bool = False, app_dir: str = "") -> ASGIApp:
    """Import ``module:attribute``, from the current directory or from *app_dir*.

    With *factory*, calling the attribute returns the app. Raises ``ImportFailed`` for any error,
    also for an app that exits when it is imported.
    """
    module_name, _, attribute = target.partition(":")
    attribute = attribute or "app"
    module = _import_module(module_name, str(Path.cwd() / app_dir))
    try:
        found: object = module
        for part in attribute.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        raise ImportFailed(
            f"the module {module_name} has no attribute {attribute!r}; "
            f"name the app as module:attribute"
        ) from error
    if factory:
        found = _made_by(found, attribute)
    if not is_asgi(found):
        hint = f"; if calling it returns the app, write '{target}()'"
        raise ImportFailed(
            f"{attribute} is not an ASGI app: it is {type(found).__name__!r} and cannot "
            f"be awaited with (scope, receive, send)"
            f"{hint if inspect.isfunction(found) and not factory else ''}"
        )
    app: ASGIApp = found  # type: ignore[assignment]  # checked by is_asgi, not by its type
    return app


def _import_module(name: str, folder: str) -> object:
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            raise ImportFailed(
                f"there is no module {error.name!r} in {folder} or among the installed "
                f"packages; start from the folder that holds it"
            ) from error
        raise ImportFailed(f"importing {name} failed: {_in_a_line(error)}") from error
    except SystemExit as error:
        raise ImportFailed(
            f"{name} exits with {error.code!r} when imported{_place(error)}"
        ) from error
    except BaseException as error:
        raise ImportFailed(f"importing {name} failed: {_in_a_line(error)}") from error


def _made_by(factory: object, name: str) -> object:
    if not callable(factory):
        raise ImportFailed(f"{name} is not a factory of apps: it is {type(factory).__name__!r}")
    if is_asgi(factory):
        raise ImportFailed(
            f"{name} is an ASGI app, not a function that returns one; name it without () and "
            f"without --factory"
        )
    try:
        return factory()
    except BaseException as error:
        raise ImportFailed(f"{name}() failed: {_in_a_line(error)}") from error


def is_asgi(app: object) -> bool:
    """Whether *app* is a coroutine function of three arguments, or has one as ``__call__``."""
    call = app if inspect.isroutine(app) else getattr(app, "__call__", None)  # noqa: B004 (the method is needed)
    if isinstance(app, type) or call is None or not inspect.iscoroutinefunction(call):
        return False
    try:
        inspect.signature(call).bind(None, None, None)
    except TypeError:
        return False
    return True


def _in_a_line(error: BaseException) -> str:
    words = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {last_line(words)}".rstrip(": ") + _place(error)


def _place(error: BaseException) -> str:
    """Return the deepest line of the app's own code that *error* came through, in words."""
    if isinstance(error, SyntaxError) and error.filename:
        lines = [(error.filename, error.lineno)]
    else:
        lines = [(row.filename, row.lineno) for row in traceback.extract_tb(error.__traceback__)]
    others = (str(Path(traceback.__file__).parent), str(Path(__file__).parents[1]))
    own = [
        (Path(file), line)
        for file, line in lines
        if not file.startswith(("<", *others)) and not _INSTALLED.intersection(Path(file).parts)
    ]
    if not own:
        return ""
    path, line = own[-1]
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f", at {shown}:{line}"


def last_line(text: str) -> str:
    """Return the last line of *text*, stripped."""
    return text.strip().rpartition("\n")[2].strip()
