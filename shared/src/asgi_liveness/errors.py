"""Every error of the kit. Each says what was found, where, and what to do next, in one line."""

from __future__ import annotations


class LivenessError(Exception):
    """The run cannot go on as asked. ``str()`` of it is one line for a terminal."""


class UsageError(LivenessError):
    """An option, a file or an environment was asked for that is not there."""


class TargetError(LivenessError):
    """The target cannot be set up: it was found, imported or started, and did not come up."""


class RouteMissing(TargetError):
    """The target came up and lacks a route of the contract."""

    def __init__(self, target: str, method: str, path: str) -> None:
        super().__init__(
            f"{target}: {method} {path} answered 404, the route is missing; "
            "add it as `asgi-liveness explain routes` says"
        )


class LedgerError(LivenessError):
    """The ledger cannot be made, opened or written."""
