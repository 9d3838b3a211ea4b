"""The contract as Markdown, from its tables and the docstrings of the cases."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from asgi_liveness.conformance import contract
from asgi_liveness.conformance.cases import CASES, Case
from asgi_liveness.conformance.promises import PROMISES, REMEDIES

if TYPE_CHECKING:
    from asgi_liveness.conformance.cases.case import Claim


def markdown() -> str:
    """The whole contract: its routes and its cases."""
    lines = [
        "# The contract",
        "",
        (
            f"Version {contract.VERSION}. Rendered from the tables and docstrings of the kit; "
            "`nox -s docs` writes it, the tests compare it."
        ),
        "",
        "## Routes",
        "",
        (
            "Answers are JSON. What an endless route answers once it was stopped is no part of the "
            "contract. From `/offloaded` on the routes are remedies: a target says which of them "
            "it has."
        ),
        "",
        "| route | handler | what it does | answer |",
        "| --- | --- | --- | --- |",
    ]
    for row in contract.ROUTES:
        response = f"`{row.response}`".replace("'", '"') if row.response else ""
        lines.append(f"| `{row.method} {row.path}` | {row.handler} | {row.does} | {response} |")
    lines += [
        "",
        (
            "A loop is counted by `asgi_liveness.LoopBody`: make a body with the route's path, "
            "then `while body.running: body.step()`."
        ),
    ]
    features = ", ".join(f"`{name}` ({words})" for name, words in contract.FEATURES.items())
    lines += [
        "",
        f"Features that a target may lack: {features}.",
        "",
        *_promises(),
        "",
        "## Cases",
        "",
    ]
    for claim, cases in itertools.groupby(CASES, key=lambda case: case.claim):
        lines += _section(claim, list(cases))
    return "\n".join(lines)


def _promises() -> list[str]:
    """The promises and the remedies, a table each."""
    lines = [
        "## Promises",
        "",
        "What a loop must keep in production. Each is held against each of the remedies.",
        "",
        "| promise | what it says | |",
        "| --- | --- | --- |",
    ]
    for promise in PROMISES:
        judged = "judged" if promise.judged else "recorded, not judged"
        lines.append(f"| `{promise.name}` | {promise.words} | {judged} |")
    lines += ["", "| remedy | what it is |", "| --- | --- |"]
    return [*lines, *(f"| `{row.name}` | {row.does} |" for row in REMEDIES)]


def _section(claim: Claim, cases: list[Case]) -> list[str]:
    """One case, or the cases of a promise, which make one claim."""
    does, sees, why = (" ".join(part.split()) for part in cases[0].text)
    title = cases[0].name
    if len(cases) > 1:
        remedies = ", ".join(case.remedy for case in cases)
        title = f"{cases[0].id} to {cases[-1].id}: {claim.__name__}, of {remedies}"
    return [
        *(f'<a id="{case.id}"></a>' for case in cases),
        "",
        f"### {title}",
        "",
        f"{does} Must see: {sees}",
        "",
        f"Why: {why}",
        "",
    ]
