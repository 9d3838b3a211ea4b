"""What a watch is made of: its options, what it watches, and where it tells what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from asgi_liveness.serving.board import Board
    from asgi_liveness.watching.named_stall import NamedStall
    from asgi_liveness.watching.report import WatchReport
    from asgi_liveness.watching.starvation import Starvation


@dataclass(frozen=True)
class WatchOptions:
    """One watch. Times in seconds."""

    command: tuple[str, ...]
    max_stall: float = 0.2
    package: str = ""
    """The app's top-level package, if it is known."""
    names_requests: bool = True
    goes_on: bool = False
    """Whether the command goes on if the watch is killed."""


class Screen(Protocol):
    """Where a watch tells what it finds."""

    def stalled(self, stall: NamedStall, times: int, *, is_due: bool) -> None:
        """Take a stall that is over, or that *is_due* to be reported.

        *times* is how many with the same culprit were over before.
        """

    def starved(self, starvation: Starvation) -> None:
        """Tell of a pool that is full, or no longer so."""

    def summed_up(self, report: WatchReport) -> None:
        """Show the summary so far."""

    def said(self, words: str) -> None:
        """Tell a line about the watch itself."""


class Watched(Protocol):
    """What is watched: a command, or a process that runs already."""

    board: Board

    @property
    def exit_code(self) -> int | None:
        """Its exit code; None while the watch goes on."""

    @property
    def own(self) -> set[int]:
        """Our own child processes, beside those that are watched."""

    def others(self) -> list[int]:
        """Return the processes that are left to end, once it has ended itself."""

    def signal(self, number: int) -> None:
        """Pass on a signal that was sent to us alone."""

    def interrupted(self) -> None:
        """Take note that somebody wants the end."""

    def end(self) -> None:
        """End all that is to end, and remove the board."""
