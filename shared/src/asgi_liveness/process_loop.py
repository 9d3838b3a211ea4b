"""The loop that ``/process`` runs in a process of its own.

``python -m asgi_liveness.process_loop PID`` prints a line for each step, and ends when the server,
which is its parent process PID, has ended.

This program has its own file, so that its process does not import the web app. To copy it,
replace ``body.step()`` by one iteration of your work that prints a line, and ``body.running`` by
your own condition, and delete the line that makes the body.
"""

from __future__ import annotations

import os
import sys

from asgi_liveness import LoopBody


def process_loop(server: int) -> None:
    """Run the loop at a lower priority than the server's, for as long as the server lives."""
    os.nice(10)
    body = LoopBody("/process")
    while body.running and os.getppid() == server:
        body.step()


if __name__ == "__main__":
    process_loop(int(sys.argv[1]))
