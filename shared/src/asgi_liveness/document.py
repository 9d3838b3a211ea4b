"""The contract as Markdown, from its tables and the docstrings of the cases."""

from __future__ import annotations

from asgi_liveness import contract
from asgi_liveness.cases import CASES


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
            "Every route is a GET; answers are JSON. What an endless route answers once it was "
            "stopped is no part of the contract."
        ),
        "",
        "| route | handler | what it does | answer |",
        "| --- | --- | --- | --- |",
    ]
    for row in contract.ROUTES:
        answer = f"`{row.answer}`".replace("'", '"') if row.answer else ""
        lines.append(f"| `{row.path}` | {row.handler} | {row.does} | {answer} |")
    lines += [
        "",
        (
            "A loop is counted by `asgi_liveness.LoopBody`: make a body with the route's path, "
            "then `while body.running: body.step()`."
        ),
    ]
    features = ", ".join(f"`{name}` ({words})" for name, words in contract.FEATURES.items())
    lines += ["", f"Features that a target may lack: {features}.", "", "## Cases", ""]
    for case in CASES:
        does, sees, why = (" ".join(part.split()) for part in case.text)
        lines += [
            f'<a id="{case.id}"></a>',
            "",
            f"### {case.name}",
            "",
            f"{does} Must see: {sees}",
            "",
            f"Why: {why}",
            "",
        ]
    return "\n".join(lines)
