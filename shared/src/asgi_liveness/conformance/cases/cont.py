"""CONT: does the app keep the contract? Status, content type and body of its responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance import contract
from asgi_liveness.conformance.cases.case import case
from asgi_liveness.conformance.contract import Exchange

if TYPE_CHECKING:
    from asgi_liveness.conformance.observation import Observation
    from asgi_liveness.probing.response import Response

_ROUTES: Final = "Compare the response with the table of `asgi-liveness contract`."


@case("CONT-001 hello", Exchange("GET", "/hello"), fix=_ROUTES)
def hello(response: Response) -> str | None:
    """Requests /hello.

    Must see: status 200, JSON, the body that the contract fixes.

    Why: the probes of the other cases request this route.
    """
    return _answers_as_contracted("/hello", response)


@case("CONT-002 hello-sync", Exchange("GET", "/hello-sync"), fix=_ROUTES)
def hello_sync(response: Response) -> str | None:
    """Requests /hello-sync.

    Must see: status 200, JSON, the body that the contract fixes.

    Why: the probes of the other cases request this route.
    """
    return _answers_as_contracted("/hello-sync", response)


@case("CONT-003 background-message", contract.BACKGROUND, fix=_ROUTES)
def background_message(observation: Observation) -> str | None:
    """Reads the response to the request that started /background.

    Must see: status 200, JSON, the message that the contract fixes.

    Why: the client must learn that the work has begun, not that it is done.
    """
    return _answers_as_contracted("/background", observation.response("/background"))


@case("CONT-004 background-async-message", contract.BACKGROUND_ASYNC, fix=_ROUTES)
def background_async_message(observation: Observation) -> str | None:
    """Reads the response to the request that started /background-async, after the stop if need be.

    Must see: status 200, JSON, the message that the contract fixes.

    Why: the trap must resemble the fix in everything but its effect.
    """
    return _answers_as_contracted("/background-async", observation.response("/background-async"))


@case(
    "CONT-005 unknown-path",
    Exchange("GET", "/no-such-path"),
    fix="Does the app have a catch-all route? Remove it.",
)
def unknown_path(response: Response) -> str | None:
    """Requests a path that the contract does not have.

    Must see: status 404.

    Why: an app that serves every path would answer the probes of a missing route.
    """
    return has_status("GET /no-such-path", response, 404)


@case("CONT-006 wrong-method", Exchange("POST", "/hello"), fix="Let /hello accept only GET.")
def wrong_method(response: Response) -> str | None:
    """Sends a POST request to /hello.

    Must see: status 405.

    Why: these routes accept only GET, so no other method may start a loop.
    """
    return has_status("POST /hello", response, 405)


def _answers_as_contracted(path: str, response: Response | None) -> str | None:
    if response is None:
        return f"GET {path} got no response."
    wanted = contract.route(path).response
    if (failure := has_status(f"GET {path}", response, 200)) is not None:
        return failure
    if response.content_type.partition(";")[0] != "application/json" or response.body != wanted:
        return (
            f"GET {path} answered {response.content_type or 'no content type'} {response.body!r}; "
            f"it must be application/json {wanted!r}."
        )
    return None


def has_status(request: str, response: Response, status: int) -> str | None:
    """Claim that the response to a request has a status."""
    if response.status == status:
        return None
    return f"{request} answered {response.status or response.error}; it must be {status}."
