"""Where the watcher of this process counts beats and stalls, as they come, for other programs."""

from __future__ import annotations

from typing import Final, Protocol

from asgi_liveness.errors import UsageError


class Exported(Protocol):
    """Instruments of a library for metrics. One thread calls it for each event loop."""

    def beat(self, seconds: float) -> None:
        """Count a beat that was late by so many seconds."""

    def stalled(self, line: str) -> None:
        """Count a stall at a line, as ``app/report.py:12``; ``""`` where it is unknown."""


NAMES: Final = ("prometheus", "opentelemetry")
"""The libraries, as the options and the extras of the kit call them."""


def exported(name: str) -> Exported:
    """Return the instruments of the library *name*. Raises ``UsageError``."""
    # A library is imported where somebody asks for it.
    if name == "prometheus":
        from asgi_liveness.watching.prometheus import instruments  # noqa: PLC0415

        return instruments()
    if name == "opentelemetry":
        from asgi_liveness.watching import opentelemetry  # noqa: PLC0415

        return opentelemetry.instruments()
    raise UsageError(f"metrics {name!r:.40}: choose from: {', '.join(NAMES)}")


def missing(module: str, extra: str) -> UsageError:
    """Return the error of a library that is not installed."""
    return UsageError(f"{module} is not installed; type: pip install 'asgi-liveness[{extra}]'")
