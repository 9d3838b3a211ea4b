"""The errors of the kit. Each message says what was found, where, and what to do, in one line."""

from __future__ import annotations


class LivenessError(Exception):
    """The base of all errors. ``str()`` returns one line for a terminal."""


class UsageError(LivenessError):
    """An option, a file or an environment that the user named and that cannot be used."""


class TargetError(LivenessError):
    """A target that cannot be found, imported or started."""


class RouteMissing(TargetError):
    """A running target without a route of the contract."""

    def __init__(self, target: str, method: str, path: str) -> None:
        super().__init__(
            f"{target}: {method} {path} answered 404, the route is missing; "
            "add it as `asgi-liveness explain routes` says"
        )


class LedgerError(LivenessError):
    """A ledger that cannot be created, opened or written."""
