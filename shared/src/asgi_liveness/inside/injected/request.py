"""The request that a stack serves: its method, and the template of its route.

The rule: no value that a client sent is read. Of all variables only the ASGI ``scope`` is read, and
in it the method and the route, which are the app's own; the path, the query and the headers are
not. So ``/users/{id}`` is known, and which user is not.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
_MOST = 200  # characters of a template
_OWN_VIEW = sys.version_info >= (3, 13)
"""Whether ``f_locals`` is a view (PEP 667). Before, it is a dictionary that the frame keeps."""


def request_of(frames: list[FrameType]) -> str:
    """Return the request that *frames*, the innermost first, serve: ``GET /users/{id}``.

    Only the method where no route is chosen yet; "" where no frame but the innermost, which may be
    about to change its variables, is of an ASGI app.
    """
    method = ""
    for scope in filter(None, map(_scope, frames[1:])):
        given = "WS" if scope.get("type") == "websocket" else scope.get("method")
        method = method or (given if given == "WS" or given in _METHODS else "")
        if template := _template(scope):
            return f"{method} {template}".strip()
    return method


def _scope(frame: FrameType) -> dict[str, Any] | None:
    """Return the scope that a frame got as an ASGI app; None if it is none."""
    code = frame.f_code
    if (
        "scope" not in code.co_varnames[: code.co_argcount]
        or not code.co_flags & inspect.CO_COROUTINE
    ):
        return None
    if _OWN_VIEW:
        found = frame.f_locals.get("scope")
    elif frame.f_trace is None:  # else a debugger works with the dictionary
        kept = frame.f_locals
        found = kept.get("scope")
        kept.clear()  # it would keep what the variables name
    else:
        return None
    return found if type(found) is dict else None


def _template(scope: dict[str, Any]) -> str:
    """Return the template of the route that was chosen, "" if none was."""
    route = _included(scope) or scope.get("route") or _listed(scope)
    # No property or ``__getattr__`` of the app runs.
    found = getattr(route, "__dict__", {}).get("path")
    # Below a mount, the path lacks the prefix; of that the scope has only what a client sent.
    is_mounted = scope.get("app_root_path", scope.get("root_path")) != scope.get("root_path")
    return f"{'...' * is_mounted}{found[:_MOST]}" if type(found) is str else ""


def _included(scope: dict[str, Any]) -> object:
    """Return what FastAPI knows of a route of an included router: its path with all prefixes."""
    own = scope.get("fastapi")
    return own.get("effective_route_context") if type(own) is dict else None


def _listed(scope: dict[str, Any]) -> object:
    """Return the route of the chosen endpoint, which older versions of Starlette do not name."""
    endpoint = scope.get("endpoint")
    listed = getattr(scope.get("router"), "__dict__", {}).get("routes")
    routes = listed if endpoint is not None and type(listed) is list else []
    return next((r for r in routes if r.__dict__.get("endpoint") is endpoint), None)
