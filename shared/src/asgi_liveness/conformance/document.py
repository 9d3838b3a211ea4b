"""The contract as Markdown, from its tables and the docstrings of the cases."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from asgi_liveness.conformance import contract
from asgi_liveness.conformance.cases import CASES, Case
from asgi_liveness.conformance.promises import PROMISES, REMEDIES
from asgi_liveness.conformance.words import needs_words, response_words

if TYPE_CHECKING:
    from asgi_liveness.conformance.cases.case import Claim


def markdown() -> str:
    """Return the whole contract: its routes, promises and cases."""
    lines = [
        "# The contract",
        "",
        (
            f"Version {contract.VERSION}. `nox -s docs` writes this file from the kit's tables and "
            "docstrings; the tests compare them."
        ),
        "",
        "## Routes",
        "",
        (
            "Responses are JSON. The contract does not fix the response of an endless route after "
            "its loop was stopped. The routes from `/offloaded` on are remedies: a target declares "
            "which of them it has."
        ),
        "",
        "| route | judged with | handler | what it does | response |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in contract.ROUTES:
        cells = (needs_words(row), row.handler, row.does, response_words(row))
        lines.append(f"| `{row.method} {row.path}` | {' | '.join(cells)} |")
    lines += [
        "",
        (
            "`asgi_liveness.LoopBody` counts the steps of a loop: make a body with the route's "
            "path, then write `while body.running: body.step()`."
        ),
    ]
    features = ", ".join(f"`{name}`, {words}" for name, words in contract.FEATURES.items())
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
    """Return the promises and the remedies, a table each."""
    lines = [
        "## Promises",
        "",
        "What a loop in production must keep. The suite tests each promise against each remedy.",
        "",
        "| promise | the claim | |",
        "| --- | --- | --- |",
    ]
    for promise in PROMISES:
        judged = "judged" if promise.judged else "recorded, not judged"
        lines.append(f"| `{promise.name}` | {promise.text} | {judged} |")
    lines += ["", "| remedy | how the loop runs |", "| --- | --- |"]
    return [*lines, *(f"| `{row.name}` | {row.does} |" for row in REMEDIES)]


def _section(claim: Claim, cases: list[Case]) -> list[str]:
    """Return the section of one case, or of the cases of a promise, which share a claim."""
    does, sees, why = (" ".join(part.split()) for part in cases[0].text)
    title = cases[0].name
    if len(cases) > 1:
        remedies = ", ".join(case.remedy for case in cases)
        claimed = claim.__name__.replace("_", " ")
        title = f"{cases[0].id} to {cases[-1].id}: {claimed}, for {remedies}"
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
