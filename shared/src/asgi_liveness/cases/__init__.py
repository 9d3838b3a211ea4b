"""The conformance cases, by family, in contract order.

Ids are append-only: a retired one goes into ``RETIRED`` and is never used again.
"""

from __future__ import annotations

from typing import Any, Final

from asgi_liveness.cases import cont, live
from asgi_liveness.cases.case import Case, collect

CASES: Final[tuple[Case[Any], ...]] = (*collect(live), *collect(cont))
RETIRED: Final[frozenset[str]] = frozenset()

__all__ = ["CASES", "RETIRED", "Case"]
