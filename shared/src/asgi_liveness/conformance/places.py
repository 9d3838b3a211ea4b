"""How many servers may start, and how many may run, while their endings are watched."""

from __future__ import annotations

import asyncio
import os
from typing import ClassVar, Final

_CORES: Final = os.cpu_count() or 1


class Places:
    """The places of one run of endings. A start takes a core; what follows is mostly waiting."""

    most: ClassVar = 8 * _CORES
    """Servers that run at a time; each uses about 60 MB."""
    gentle: ClassVar = True
    """Whether the loops sleep a little in each step. Busy ones starve each other."""

    def __init__(self) -> None:
        self.to_run = asyncio.Semaphore(self.most)
        self.to_start = asyncio.Semaphore(_CORES)
        self.to_hand_over = asyncio.Semaphore(3 * _CORES)
        """A handover has a worker, which asks its queue for jobs all the time."""
