"""The cases of jobs judge hand-made responses; a Location is asked only at the target."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asgi_liveness.conformance.cases import CASES
from asgi_liveness.conformance.location import address_of
from asgi_liveness.probing.response import Response
from tests.kit.conformance.made_jobs import FOLLOWUPS, LISTED, STARTED, STEPS, UNKNOWN, job

CASE = {case.id: case for case in CASES}
ITS = "its `Location` '/supervised/7'"
URL = "http://127.0.0.1:8000"


def failure(case: str, *results: object) -> str:
    """Return the failure in the case's message, without its name and its advice."""
    message = CASE[case].judge(*results) or f"{CASE[case].name}: \n  "  # type: ignore[arg-type]
    return message.removeprefix(f"{CASE[case].name}: ").rpartition("\n  ")[0]


@pytest.mark.parametrize(
    ("started", "message"),
    [
        (STARTED, ""),
        (None, "POST /supervised got no response."),
        (replace(STARTED, status=201), "POST /supervised answered 201; it must be 202."),
        (
            replace(STARTED, body="Job started", content_type="text/plain"),
            "POST /supervised answered text/plain 'Job started'; it must be a JSON object.",
        ),
        (
            replace(STARTED, body=[], content_type=""),
            "POST /supervised answered no content type []; it must be a JSON object.",
        ),
    ],
)
def test_a_job_is_started_with_202_and_an_object(started: Response, message: str) -> None:
    assert failure("CONT-007", job(started, FOLLOWUPS)) == message


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("", "POST /supervised answered 202 without a `Location`, so no client can stop its job."),
        (
            "http://example.org/supervised/7",
            (
                "the `Location` of POST /supervised is 'http://example.org/supervised/7', which is "
                "not at the origin of the app; the suite asks no other."
            ),
        ),
    ],
)
def test_a_job_has_an_address_at_the_origin_of_the_app(location: str, message: str) -> None:
    for case in ("CONT-007", "LEAVES-005"):
        assert failure(case, job(replace(STARTED, location=location))) == message


@pytest.mark.parametrize(
    ("name", "response", "message"),
    [
        ("GET all", UNKNOWN, "GET /supervised answered 404; it must be 200."),
        (
            "GET all",
            replace(LISTED, body=["7"]),
            "GET /supervised answered application/json ['7']; it must be a JSON object.",
        ),
        (
            "GET all",
            replace(LISTED, body={"8": "running"}),
            "GET /supervised answered {'8': 'running'}, in which '7' is missing.",
        ),
        ("GET", UNKNOWN, f"GET of {ITS} answered 404; it must be 200."),
        (
            "GET",
            replace(STEPS, body={"steps": "5"}),
            f"GET of {ITS} answered {{'steps': '5'}}; 'steps' must be an integer.",
        ),
        (
            "GET",
            replace(STEPS, body={"steps": True}),
            f"GET of {ITS} answered {{'steps': True}}; 'steps' must be an integer.",
        ),
        (
            "DELETE",
            replace(STEPS, status=204, body="", content_type=""),
            f"DELETE of {ITS} answered 204; it must be 200.",
        ),
        (
            "DELETE",
            replace(STEPS, body={}),
            f"DELETE of {ITS} answered {{}}, in which 'steps' is missing.",
        ),
        (
            "DELETE again",
            UNKNOWN,
            f"DELETE again of {ITS} answered 404; it must be 200.",
        ),
    ],
)
def test_a_job_is_listed_shown_and_stopped_twice(
    name: str, response: Response, message: str
) -> None:
    assert failure("CONT-007", job(STARTED, {**FOLLOWUPS, name: response})) == message


def test_an_unknown_job_is_404_for_both_methods() -> None:
    assert failure("CONT-009", UNKNOWN, UNKNOWN) == ""
    assert failure("CONT-009", STEPS, UNKNOWN) == (
        "GET of an unknown job answered 200; it must be 404."
    )
    assert failure("CONT-009", UNKNOWN, STEPS) == (
        "DELETE of an unknown job answered 200; it must be 404."
    )


@pytest.mark.parametrize(
    ("location", "address"),
    [
        ("/supervised/7", f"{URL}/supervised/7"),
        ("supervised/7", f"{URL}/supervised/7"),
        ("./supervised/7?token=1", f"{URL}/supervised/7?token=1"),
        (f"{URL}/supervised/7", f"{URL}/supervised/7"),
        ("", ""),
        ("   ", ""),
        ("http://example.org/supervised/7", ""),
        ("//example.org/supervised/7", ""),
        ("https://127.0.0.1:8000/supervised/7", ""),
        ("http://127.0.0.1:8001/supervised/7", ""),
        ("http://127.0.0.1/supervised/7", ""),
        ("http://me@127.0.0.1:8000/supervised/7", ""),
        ("http://127.0.0.1:8000@example.org/supervised/7", ""),
        ("http://127.0.0.1:8000.example.org/7", ""),
        ("file:///etc/passwd", ""),
        ("http://[broken/7", ""),
        ("/supervised/\x1b]0;7", ""),
    ],
)
def test_an_address_is_at_the_origin_of_the_target(location: str, address: str) -> None:
    assert address_of(location, URL, "/supervised") == address
