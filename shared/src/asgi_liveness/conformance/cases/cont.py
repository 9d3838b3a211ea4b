"""CONT: is it the contract's app? Status, content type and parsed body of what answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgi_liveness.conformance import contract
from asgi_liveness.conformance.cases.case import case
from asgi_liveness.conformance.contract import Exchange

if TYPE_CHECKING:
    from asgi_liveness.conformance.observation import Observation
    from asgi_liveness.probing.response import Response

_ROUTES = "The route's answer is in the table of"


@case("CONT-001 hello", Exchange("GET", "/hello"), fix=_ROUTES)
def hello(response: Response) -> str | None:
    """Asks for /hello.

    Must see: status 200, JSON, the contract's body.

    Why: every probe asks for it.
    """
    return _answers_as_contracted("/hello", response)


@case("CONT-002 hello-sync", Exchange("GET", "/hello-sync"), fix=_ROUTES)
def hello_sync(response: Response) -> str | None:
    """Asks for /hello-sync.

    Must see: status 200, JSON, the contract's body.

    Why: every probe asks for it.
    """
    return _answers_as_contracted("/hello-sync", response)


@case("CONT-003 background-message", contract.BACKGROUND, fix=_ROUTES)
def background_message(seen: Observation) -> str | None:
    """Reads the answer of the request that started /background.

    Must see: status 200, JSON, the contract's message.

    Why: a client must be told that the work has begun, not that it is done.
    """
    return _answers_as_contracted("/background", seen.response("/background"))


@case("CONT-004 background-async-message", contract.BACKGROUND_ASYNC, fix=_ROUTES)
def background_async_message(seen: Observation) -> str | None:
    """Reads the answer of the request that started /background-async, after the stop at latest.

    Must see: status 200, JSON, the contract's message.

    Why: the trap must look like the fix in all but its effect.
    """
    return _answers_as_contracted("/background-async", seen.response("/background-async"))


@case("CONT-005 unknown-path", Exchange("GET", "/no-such-path"), fix="Is there a catch-all route?")
def unknown_path(response: Response) -> str | None:
    """Asks for a path that the contract does not have.

    Must see: status 404.

    Why: an app that answers anything would answer a probe of a route that is not there.
    """
    return _has_status("GET /no-such-path", response, 404)


@case("CONT-006 wrong-method", Exchange("POST", "/hello"), fix="Let /hello take GET alone.")
def wrong_method(response: Response) -> str | None:
    """Posts to /hello.

    Must see: status 405.

    Why: the routes take GET alone; a loop must not be started by anything else.
    """
    return _has_status("POST /hello", response, 405)


def _answers_as_contracted(path: str, response: Response | None) -> str | None:
    if response is None:
        return f"GET {path} was not answered."
    wanted = contract.route(path).response
    if (wrong := _has_status(f"GET {path}", response, 200)) is not None:
        return wrong
    if response.content_type.partition(";")[0] != "application/json" or response.body != wanted:
        return (
            f"GET {path} answered {response.content_type or 'no content type'} {response.body!r}; "
            f"it must be application/json {wanted!r}."
        )
    return None


def _has_status(request: str, response: Response, status: int) -> str | None:
    if response.status == status:
        return None
    return f"{request} answered {response.status or response.error}; it must be {status}."
