"""The number of requests that may be under way: each holds an open file, here and in the server."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Final

_RESERVE: Final = 64
"""Open files that the runner may still need, for py-spy, reports and sockets that are closing."""
_LEAST: Final = 8  # requests; with fewer no window shows anything


def most_under_way() -> int:
    """Return how many more requests this process can hold open.

    A server that it has started has the same limit, and uses some open files itself.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 1 << 20
    return max(_LEAST, soft - sum(1 for _ in Path("/dev/fd").iterdir()) - _RESERVE)
