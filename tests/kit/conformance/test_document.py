"""CONTRACT.md has every route, promise, remedy and case."""

from __future__ import annotations

import json
from itertools import groupby

import pytest

from asgi_liveness.conformance import contract, document
from asgi_liveness.conformance.cases import CASES, Case
from asgi_liveness.conformance.promises import (
    PROMISES,
    REMEDIES,
    Promise,
    Remedy,
)

LINES = document.markdown().splitlines()
CLAIMS = [list(cases) for _, cases in groupby(CASES, key=lambda case: case.claim)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_contract_has_every_case_as_an_anchor_once(case: Case) -> None:
    assert LINES.count(f'<a id="{case.id}"></a>') == 1


@pytest.mark.parametrize("cases", CLAIMS, ids=lambda cases: cases[0].id)
def test_the_contract_has_every_claim_once_with_its_cases(cases: list[Case]) -> None:
    title = cases[0].name
    if len(cases) > 1:
        remedies = [remedy.name for remedy in REMEDIES]
        of = [case.remedy for case in cases]
        claim = cases[0].promise or cases[0].slug.removeprefix(f"{of[0]}-").replace("-", " ")
        title = f"{cases[0].id} to {cases[-1].id}: {claim}, for {', '.join(of)}"
        assert of == (remedies if cases[0].promise else ["supervised", "process", "queued"])
    at = LINES.index(f"### {title}")
    assert LINES.count(f"### {title}") == 1
    assert LINES[at - len(cases) - 1 : at - 1] == [f'<a id="{case.id}"></a>' for case in cases]


def test_the_contract_has_no_other_anchor() -> None:
    assert document.markdown().count("<a id=") == len(CASES)


@pytest.mark.parametrize("row", contract.ROUTES, ids=lambda row: f"{row.method} {row.path}")
def test_the_contract_has_every_route_once(row: contract.Route) -> None:
    start = f"| `{row.method} {row.path}` | "
    (line,) = [line for line in LINES if line.startswith(start)]
    needs = {"sync": "no `--lacks sync`"}
    option = ", ".join(needs.get(name, f"`--has {name}`") for name in row.needs)
    response = f"200; `{json.dumps(row.response)}`" if row.response else row.responds
    assert line == f"{start}{option} | {row.handler} | {row.does} | {response} |"


def test_every_case_says_what_it_must_see_and_why() -> None:
    text = document.markdown()
    assert text.count(" Must see: ") == text.count("\nWhy: ") == len(CLAIMS)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_the_contract_has_every_promise_once(promise: Promise) -> None:
    judged = "judged" if promise.judged else "recorded, not judged"
    assert LINES.count(f"| `{promise.name}` | {promise.text} | {judged} |") == 1


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.name)
def test_the_contract_has_every_remedy_once(remedy: Remedy) -> None:
    assert LINES.count(f"| `{remedy.name}` | {remedy.does} |") == 1
