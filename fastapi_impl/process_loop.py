"""The loop that /process runs in a process of its own: ``python -m fastapi_impl.process_loop``.

It has a file to itself, so that the process does not import the web app.
"""

import os
import sys

from asgi_liveness import LoopBody


def process_loop(server: int) -> None:
    """Run the loop, behind the server in priority, for as long as that lives.

    Its output is its steps.
    """
    os.nice(10)
    body = LoopBody("/process")
    while body.running and os.getppid() == server:
        body.step()


if __name__ == "__main__":
    process_loop(int(sys.argv[1]))
