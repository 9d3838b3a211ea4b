"""A command of the user's own, in the foreground: it has the terminal, and is watched.

The rule: it is as without us. It has our streams and our process group, so that Ctrl+C reaches it
once, from the terminal; only its environment names the board.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Self

from asgi_liveness.errors import TargetError
from asgi_liveness.inside.injected import layout
from asgi_liveness.serving.board import Board
from asgi_liveness.serving.group import Group

if TYPE_CHECKING:
    from collections.abc import Sequence


class Foreground:
    """A command from now to ``end``, or in a ``with`` block.

    *max_stall* is in seconds. With *names_requests*, samples name the request; with *goes_on*, the
    command goes on after our own end. Raises ``TargetError`` if the command cannot be started, and
    ``LedgerError`` if no file can be made.
    """

    def __init__(
        self,
        command: Sequence[str],
        max_stall: float,
        *,
        names_requests: bool = True,
        goes_on: bool = False,
    ) -> None:
        streams = [fcntl.fcntl(stream, fcntl.F_DUPFD_CLOEXEC, 3) for stream in range(3)]
        try:
            self.group = Group(streams)
        finally:
            for stream in streams:
                os.close(stream)
        how = {"streams": tuple(streams), "group": os.getpgrp(), "goes_on": goes_on}
        named = {layout.NAMES_VARIABLE: "1"} if names_requests else {}
        try:
            self.board = Board(self.group.folder, max_stall)
            self.group.start(command, self.board.watched({**os.environ, **named}), **how)
        except OSError as error:
            self.end()
            raise TargetError(
                f"{command[0]} cannot be started ({error.strerror}); install it in this "
                f"environment, or name it by its path"
            ) from error
        except BaseException:
            self.group.end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def exit_code(self) -> int | None:
        """The exit code of the command's own process, or None while it runs."""
        return self.group.exit_code()

    @property
    def own(self) -> set[int]:
        """Our own child processes, beside those of the command."""
        return {self.group.id}

    def others(self) -> list[int]:
        """Return the processes of the command that live, without its own once that has ended."""
        return self.group.members()

    def signal(self, number: int) -> None:
        """Send a signal to the command's own process, if it is there."""
        self.group.signal(number)

    def interrupted(self) -> None:
        """Do nothing: the command got the signal itself, and ends or does not."""

    def end(self) -> None:
        """End all processes of the command, unless they go on, and remove its files."""
        self.group.end()
        self.board.close()
