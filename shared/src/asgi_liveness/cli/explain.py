"""``asgi-liveness explain``: which explanation a word names."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from asgi_liveness.checking.words import VERDICTS
from asgi_liveness.conformance.cases import CASES
from asgi_liveness.conformance.words import OUTCOMES, case_explanation
from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    from asgi_liveness.conformance.cases import Case


def explain(word: str) -> str:
    """Return the explanation of a verdict, an outcome or a case; upper and lower case are alike.

    Raises ``UsageError`` for a word that names nothing.
    """
    asked = " ".join(word.lower().split())
    found = [
        case_explanation(case).text(case.name)
        for case in CASES
        if asked in map(str.lower, _names(case))
    ]
    found += [text.text(f"{name} (check)") for name, text in VERDICTS.items() if name == asked]
    found += [text.text(f"{name} (run)") for name, text in OUTCOMES.items() if name == asked]
    if found:
        return "\n".join(found)
    names = [*VERDICTS, *OUTCOMES, *(name for case in CASES for name in _names(case))]
    known = {name.lower(): str(name) for name in names}
    near = difflib.get_close_matches(asked, known, n=1)
    meant = f"did you mean {known[near[0]]!r}?" if near else "name a verdict, or a case as LIVE-002"
    raise UsageError(f"nothing is called {word!r}; {meant}")


def _names(case: Case) -> tuple[str, ...]:
    return case.id, case.slug, case.name
