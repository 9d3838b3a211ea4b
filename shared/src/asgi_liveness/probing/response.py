"""A request that was sent, and its response. Pure: times are seconds of the monotonic clock."""

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
    """When it was complete."""
    status: int = 0
    """0 where no response came."""
    content_type: str = ""
    body: object = None
    """Parsed where it is JSON, else its text."""
    connection: object = None
    """The client's end of the connection that it came over."""
    error: str = ""
    location: str = ""
    """Of its ``Location`` header."""
    retry_after: str = ""
    """Of its ``Retry-After`` header."""

    @property
    def refused(self) -> bool:
        """Whether its status is not one of success."""
        return not HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


@dataclass(frozen=True)
class SentRequest:
    """A request: a probe, or one that started a loop."""

    path: str
    due: float
    """When the schedule said that it should be sent."""
    sent: float
    response: Response | None

    def answered_by(self, moment: float) -> bool:
        """Whether it was answered, with success, by then."""
        return (
            self.response is not None
            and self.response.status == HTTPStatus.OK
            and self.response.at <= moment
        )


def lateness(requests: Iterable[SentRequest]) -> float:
    """Return by how many seconds the prober sent a request too late, at most."""
    return max((request.sent - request.due for request in requests), default=0.0)
