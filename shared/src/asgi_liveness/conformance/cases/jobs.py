"""CONT for jobs: the statuses and shapes of the responses that start, show, list and stop a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from asgi_liveness.conformance.cases.case import Case
from asgi_liveness.conformance.cases.cont import has_status
from asgi_liveness.conformance.contract import ROUTES, Exchange
from asgi_liveness.conformance.promises import REMEDIES, leaves

if TYPE_CHECKING:
    from asgi_liveness.conformance.cases.case import Claim, Experiment
    from asgi_liveness.conformance.observation import Observation
    from asgi_liveness.probing.response import Response

_WITH_JOBS: Final = [
    remedy
    for remedy in REMEDIES
    if any((row.method, row.path) == ("POST", remedy.path) for row in ROUTES)
]
_ACCEPTED: Final = 202


def job(observation: Observation) -> str | None:
    """Starts a job by POST, lists the jobs, reads the job, stops it by DELETE, and again.

    Must see: 202 with the job's `Location`, a path or an address of the same origin; then 200 each
    time. The list is a JSON object with the job's id, the end of its `Location`, as a key; the
    other responses are JSON objects with the integer `steps`.

    Why: a client that has left can come back to its job only by these responses, and may have to
    repeat a DELETE whose response was lost.
    """
    path = observation.window.load[0]
    started = observation.response(path)
    if started is None:
        return f"POST {path} got no response."
    failure = _responds(f"POST {path}", started, _ACCEPTED, "") or has_address(observation)
    if failure:
        return failure
    key = urlsplit(started.location).path.rstrip("/").rpartition("/")[2]
    followups = observation.followups.items()
    failures = (
        _responds(f"GET {path}", response, 200, key)
        if name == "GET all"
        else _responds(f"{name} of its `Location` {started.location!r}", response, 200, "steps")
        for name, response in followups
    )
    return next(filter(None, failures), None)


def unknown_job(shown: Response, stopped: Response) -> str | None:
    """Reads and stops a job that does not exist.

    Must see: status 404 for GET and for DELETE.

    Why: a client must see whether its job is still known, as after a restart of the app.
    """
    return has_status("GET of an unknown job", shown, 404) or has_status(
        "DELETE of an unknown job", stopped, 404
    )


def has_address(observation: Observation) -> str | None:
    """Claim that the response that started a job names an address at which the suite can ask."""
    path = observation.window.load[0]
    started = observation.response(path)
    if started is None or "GET" in observation.followups:
        return None
    if not started.location:
        return (
            f"POST {path} answered {started.status} without a `Location`, so no client can stop "
            f"its job."
        )
    return (
        f"the `Location` of POST {path} is {started.location!r}, which is not at the origin of the "
        f"app; the suite asks no other."
    )


def _responds(request: str, response: Response, status: int, key: str) -> str | None:
    """Claim that a response has a status, and is a JSON object with a *key*, if one is given."""
    if failure := has_status(request, response, status):
        return failure
    body = response.body
    if response.content_type.partition(";")[0] != "application/json" or not isinstance(body, dict):
        kind = response.content_type or "no content type"
        return f"{request} answered {kind} {body!r}; it must be a JSON object."
    if key and key not in body:
        return f"{request} answered {body!r}, in which {key!r} is missing."
    if key == "steps" and type(body["steps"]) is not int:
        return f"{request} answered {body!r}; 'steps' must be an integer."
    return None


def _cases(
    numbers: tuple[int, ...],
    slug: str,
    claim: Claim,
    experiments: dict[str, tuple[Experiment, ...]],
    fix: str,
) -> tuple[Case, ...]:
    return tuple(
        Case(f"CONT-{number:03}", f"{name}-{slug}", its_own, fix, claim, remedy=name)
        for number, (name, its_own) in zip(numbers, experiments.items(), strict=True)
    )


CASES: Final = (
    *_cases(
        (7, 8, 11),
        "job",
        job,
        {remedy.name: (leaves(remedy),) for remedy in _WITH_JOBS},
        "Compare the responses with `asgi-liveness explain routes`.",
    ),
    *_cases(
        (9, 10, 12),
        "unknown-job",
        unknown_job,
        {
            remedy.name: (
                Exchange("GET", f"{remedy.path}/{{id}}"),
                Exchange("DELETE", f"{remedy.path}/{{id}}"),
            )
            for remedy in _WITH_JOBS
        },
        "Respond with 404 to an id that no job has.",
    ),
)
