"""The request of a handler by its source, where the ASGI scope names no route.

Its decorator names it, or a ``Route(...)``. Quart does not write the route into the scope, and
py-spy reads no scope at all.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from asgi_liveness.stalls import source, stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.serving.records import Frame

_METHODS: Final = {
    **{name: name.upper() for name in ("get", "post", "put", "patch", "delete", "head", "options")},
    "websocket": "WS",
    **dict.fromkeys(("route", "api_route"), ""),
}
"""The methods of decorators by their names; those without one may serve several."""
_ROUTES: Final = {"Route": "", "WebSocketRoute": "WS"}
"""Starlette's lists of routes, with their methods."""
_MOUNT: Final = "Mount"
"""What adds a prefix to the paths in such a list."""
_APPS: Final = ("FastAPI", "Starlette", "Quart", "Flask", "Litestar", "Sanic")
"""What makes an app. A router or a blueprint may add a prefix to its paths."""


def request_at(frames: Sequence[Frame], package: str, known: str = "") -> str:
    """Return the request that *frames* serve, as ``GET /users/{id}``; else what is *known*.

    *known* may be the method alone. Where a prefix may be missing, the path begins with dots.
    """
    if " " in known:
        return known
    for frame in reversed(frames):
        if not stack.is_of_app(frame.file, package):
            continue
        if found := _decorated(frame) or _listed(frame):
            method, path = found
            return f"{known or method} {path}".strip()
    return known


def _decorated(frame: Frame) -> tuple[str, str] | None:
    """Return the method and the path in a decorator of the frame's function."""
    tree = source.parsed(frame.file)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name == frame.function
            and node.lineno <= frame.line <= (node.end_lineno or 0)
        ):
            found = (_route(decorator, tree) for decorator in node.decorator_list)
            return next(filter(None, found), None)
    return None


def _listed(frame: Frame) -> tuple[str, str] | None:
    """Return the method, if it is known, and the path in the ``Route(...)`` of a function."""
    calls = [node for node in ast.walk(source.parsed(frame.file)) if isinstance(node, ast.Call)]
    names = [ast.unparse(call.func).rpartition(".")[2] for call in calls]
    for call, name in zip(calls, names, strict=True):
        if name in _ROUTES and [ast.unparse(each) for each in call.args[1:2]] == [frame.function]:
            path = call.args[0].value if isinstance(call.args[0], ast.Constant) else ""
            if isinstance(path, str) and path.startswith("/"):
                return _ROUTES[name], f"{'...' * (_MOUNT in names)}{path}"
    return None


def _route(decorator: ast.expr, tree: ast.Module) -> tuple[str, str] | None:
    if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
        return None
    given = [*decorator.args, *(keyword.value for keyword in decorator.keywords)][:1]
    path = given[0].value if given and isinstance(given[0], ast.Constant) else ""
    method = _METHODS.get(decorator.func.attr)
    if method is None or not isinstance(path, str) or not path.startswith("/"):
        return None
    return method, path if _is_app(decorator.func.value, tree) else f"...{path}"


def _is_app(named: ast.expr, tree: ast.Module) -> bool:
    """Whether a name is that of an app, which the file makes."""
    return any(
        isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func).rpartition(".")[2] in _APPS
        and ast.unparse(named) in _targets(node)
        for node in ast.walk(tree)
    )


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [ast.unparse(target) for target in targets]
