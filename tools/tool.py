"""Run a tool to its end, or until Ctrl+C ends it: with one line, and no traceback."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from asgi_liveness.errors import LivenessError

if TYPE_CHECKING:
    from collections.abc import Callable


def run_tool(main: Callable[[], int]) -> None:
    """Exit with what *main* returns; SIGINT and SIGTERM leave it as ``KeyboardInterrupt``."""
    for number in (signal.SIGINT, signal.SIGTERM):  # in a shell's background job SIGINT is ignored
        signal.signal(number, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted; all that was started is ended")
    except LivenessError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
