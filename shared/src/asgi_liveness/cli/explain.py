"""``asgi-liveness explain``: which explanation a word names, and which words there are."""

from __future__ import annotations

import difflib
import itertools
import textwrap
from typing import TYPE_CHECKING, Final

from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from asgi_liveness.cli.arguments import Parser
    from asgi_liveness.conformance.cases import Case

_WIDTH: Final = 88  # columns of running text


def add_explain(parser: Parser) -> None:
    """Add the arguments of ``explain``."""
    parser.description = "Say what a word of a report means, why it matters, and what to do."
    parser.add_argument(
        "word", nargs="*", help="stalled, starved, ..., LIVE-002, remedies; none lists the words"
    )
    parser.set_defaults(action=_explain)


def _explain(args: argparse.Namespace) -> int:
    print(explain(" ".join(args.word)) if args.word else words(), end="")
    return 0


def explain(word: str) -> str:
    """Return all that *word* names: a verdict, an outcome, a case, a family of cases, a topic.

    Upper and lower case are alike. Raises ``UsageError`` for a word that names nothing.
    """
    from asgi_liveness.checking.words import VERDICTS
    from asgi_liveness.conformance.cases import CASES
    from asgi_liveness.conformance.topics import TOPICS
    from asgi_liveness.conformance.words import OUTCOMES, case_explanation

    wanted = " ".join(word.lower().split())
    found = [
        case_explanation(case).text(case.name)
        for case in CASES
        if wanted in map(str.lower, _names(case))
    ]
    found += [text.text(f"{name} (check)") for name, text in VERDICTS.items() if name == wanted]
    found += [text.text(f"{name} (run)") for name, text in OUTCOMES.items() if name == wanted]
    found += [topic() for name, topic in TOPICS.items() if name == wanted]
    found += [
        f"The cases of {family}. Explain one: asgi-liveness explain {cases[0].id}\n\n"
        f"{_listed(case.name for case in cases)}\n"
        for family, cases in _families().items()
        if family.lower() == wanted
    ]
    if found:
        return "\n".join(found)
    names = [*VERDICTS, *OUTCOMES, *TOPICS, *_families()]
    names += [name for case in CASES for name in _names(case)]
    known = {str(name).lower(): str(name) for name in names}
    near = difflib.get_close_matches(wanted, known, n=1)
    meant = f"; did you mean {known[near[0]]!r}?" if near else ""
    raise UsageError(
        f"nothing is called {word!r}{meant or '; list the words with asgi-liveness explain'}"
    )


def words() -> str:
    """Return the words that can be explained."""
    from asgi_liveness.checking.words import VERDICTS
    from asgi_liveness.conformance.topics import TOPICS
    from asgi_liveness.conformance.words import OUTCOMES

    families = [
        f"{family:<8}  {cases[0].id} to {cases[-1].id}" for family, cases in _families().items()
    ]
    parts = [
        f"The verdicts of a check:\n{_listed(VERDICTS)}",
        f"The outcomes of a run:\n{_listed(OUTCOMES)}",
        f"Topics:\n{_listed(TOPICS)}",
        "Cases, by family:\n" + "\n".join(f"  {line}" for line in families),
        "Explain one: asgi-liveness explain WORD",
    ]
    return "\n\n".join(parts) + "\n"


def _families() -> dict[str, list[Case]]:
    """Return the cases by what their ids begin with, in the order of the contract."""
    from asgi_liveness.conformance.cases import CASES

    families: dict[str, list[Case]] = {}
    for family, cases in itertools.groupby(CASES, key=lambda case: case.id.partition("-")[0]):
        families.setdefault(family, []).extend(cases)
    return families


def _names(case: Case) -> tuple[str, ...]:
    return case.id, case.slug, case.name


def _listed(names: Iterable[str]) -> str:
    return textwrap.fill(
        ", ".join(names),
        _WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_on_hyphens=False,
        break_long_words=False,
    )
