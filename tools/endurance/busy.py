"""Run a command while processes are busy, and say how long it took: ``nox -s busy -- 6 nox``.

``steady --busy`` keeps the machine busy in the same way.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from tools.tool import run_tool

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE: Final = 8.0  # seconds from Ctrl+C to a kill; nox kills this tool after 10
# It ends by itself when its parent has ended, for whatever reason.
_BUSY: Final = "import os, sys\nwhile os.getppid() == int(sys.argv[1]): pass"


@contextmanager
def busy(number: int) -> Iterator[None]:
    """Keep the machine busy with a *number* of processes."""
    with ExitStack() as stack:
        for _ in range(number):
            process = subprocess.Popen([sys.executable, "-c", _BUSY, str(os.getpid())])
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield


def main() -> int:
    """Return the exit code of the command."""
    parser = argparse.ArgumentParser(prog="nox -s busy --", description=__doc__)
    parser.add_argument("processes", type=int)
    parser.add_argument("command", nargs=argparse.REMAINDER, help="with its arguments")
    args = parser.parse_args()
    if not args.command:
        parser.error("name a command, as: 6 nox")
    began = time.monotonic()
    with busy(args.processes):
        try:
            code = ended(args.command)
        except OSError as error:
            parser.error(f"{args.command[0]} does not start: {error.strerror}")
    passed = time.monotonic() - began
    print(f"{' '.join(args.command)} ended with {code} after {passed:.0f} s")
    return code


def ended(command: list[str]) -> int:
    """Return the exit code of a command; end its whole process group if this tool is ended."""
    process = subprocess.Popen(command, process_group=0)
    try:
        return process.wait()
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
        raise
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    run_tool(main)
