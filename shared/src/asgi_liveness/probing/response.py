"""A request and its response. Pure: times are seconds of the monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Response:
    """One response, or the error that came instead."""

    at: float
    """When the response was complete."""
    status: int = 0
    """0 if no response came."""
    content_type: str = ""
    body: object = None
    """Parsed if it is JSON, else the text."""
    connection: object = None
    """The client's address on the connection."""
    error: str = ""
    location: str = ""
    """The ``Location`` header."""
    retry_after: str = ""
    """The ``Retry-After`` header."""
    closed: int = 0
    """The code with which the app closed a WebSocket, if it was no regular end."""

    @property
    def refused(self) -> bool:
        """Whether the status is outside of 200 to 299."""
        return not HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


@dataclass(frozen=True)
class SentRequest:
    """A request: a probe, or one that started a loop."""

    path: str
    due: float
    """The moment to send it, by the schedule."""
    sent: float
    response: Response | None

    def answered_by(self, moment: float) -> bool:
        """Whether a response of status 200 came no later than *moment*."""
        return (
            self.response is not None
            and self.response.status == HTTPStatus.OK
            and self.response.at <= moment
        )


def lateness(requests: Iterable[SentRequest]) -> float:
    """Return the most seconds by which the prober sent a request too late."""
    return max((request.sent - request.due for request in requests), default=0.0)
