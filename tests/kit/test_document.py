"""The contract's document has every route and every case."""

from __future__ import annotations

import json
from typing import Any

import pytest

from asgi_liveness import contract, document
from asgi_liveness.cases import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_contract_has_every_case_as_an_anchor_once(case: Case[Any]) -> None:
    lines = document.markdown().splitlines()
    assert lines.count(f'<a id="{case.id}"></a>') == 1
    assert lines.count(f"### {case.name}") == 1


def test_the_contract_has_no_other_anchor() -> None:
    assert document.markdown().count("<a id=") == len(CASES)


@pytest.mark.parametrize("row", contract.ROUTES, ids=lambda row: row.path)
def test_the_contract_has_every_route_once(row: contract.Route) -> None:
    start = f"| `{row.path}` | {row.handler} | {row.does} | "
    (line,) = [line for line in document.markdown().splitlines() if line.startswith(start)]
    answer = f"`{json.dumps(row.answer)}`" if row.answer else ""
    assert line == f"{start}{answer} |"


def test_every_case_says_what_it_must_see_and_why() -> None:
    text = document.markdown()
    assert text.count(" Must see: ") == text.count("\nWhy: ") == len(CASES)
