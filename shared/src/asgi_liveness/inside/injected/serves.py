"""The ports that an event loop serves: a process may have several loops, and one is probed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from . import layout

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_ALL = 2**64 - 1
"""A word of the board: four ports. A fifth takes the place of the first."""


class Serves:
    """``create_server`` of an event loop; notes the ports of its servers."""

    def __init__(self, loop: asyncio.AbstractEventLoop, note: Callable[[], None]) -> None:
        self._create, self._note = loop.create_server, note
        self.ports = 0
        self.since = 0  # ns of the monotonic clock

    async def __call__(self, *arguments: Any, **options: Any) -> asyncio.Server:
        """Create a server, and note its ports."""
        server = await self._create(*arguments, **options)
        for listener in server.sockets:
            name = listener.getsockname()
            if isinstance(name, tuple):  # a socket of the network
                self.ports = (self.ports << layout.PORT_BITS | name[1]) & _ALL
        self.since = self.since or time.monotonic_ns()
        self._note()
        return server


def serves_of(loop: asyncio.AbstractEventLoop | None) -> Serves | None:
    """Return the note of the ports of a loop; None if it serves none."""
    create = getattr(loop, "create_server", None)
    return create if isinstance(create, Serves) and create.ports else None
