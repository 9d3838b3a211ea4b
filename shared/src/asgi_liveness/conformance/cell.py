"""A cell of the matrix, and its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asgi_liveness.conformance.cases import Case
    from asgi_liveness.conformance.outcome import Outcome
    from asgi_liveness.serving.servers import ServerKind


@dataclass(frozen=True)
class Cell:
    """A case on a target and a server."""

    case: Case
    target: str
    server: ServerKind


@dataclass(frozen=True)
class Result:
    """The outcome of a cell, and the reason."""

    cell: Cell
    outcome: Outcome
    message: str = ""
    link: str = ""
    measured: dict[str, float | None] = field(default_factory=dict)
