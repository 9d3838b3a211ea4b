"""A tiny process that takes a server along when its runner is gone.

An endless loop cannot be asked to stop, and a server may start processes of its own. So the
keeper is started first; it leads the process group that the server joins, and owns the folder
that the server's files are in. It reads a pipe that only the runner holds. At end of file,
however that came about, it kills the group, removes the folder, and goes last. That is
the only way in which a server is ended, so the way out is tried by every run.

It is run as a script, by ``serving``, without site packages: it must be there before the first
file is made. It prints the path of its folder, or ``!`` and what was wrong.
"""

import os
import signal
import sys
import time

_POLL = 0.01  # seconds
_TRACKER_LIMIT = 1.0  # seconds that resource trackers get to clean up after a kill


def keep() -> None:
    """Make the folder, print its path, wait for the end of the pipe, and end everything."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    folder = os.path.join(os.fsencode(sys.argv[1]), b"asgi-liveness-%d" % os.getpid())
    try:
        os.mkdir(folder, 0o700)
    except OSError as error:
        os.write(1, b"!" + (error.strerror or "unknown error").encode() + b"\n")
        return
    try:
        os.write(1, folder + b"\n")
        while os.read(0, 1):
            pass
        _kill_all_but_trackers()
        _remove(folder)
    finally:
        os.killpg(0, signal.SIGKILL)


def _remove(folder: bytes) -> None:
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    os.rmdir(folder)


def _kill_all_but_trackers() -> None:
    """Let multiprocessing's resource trackers outlive the rest, as far as /proc shows them.

    A tracker ends by itself when the processes that it serves are gone, and removes their
    named semaphores first (hypercorn's command makes five). Killed with them, it leaves those
    in the system's shared memory for ever.
    """
    limit = time.monotonic() + _TRACKER_LIMIT
    while (members := _members()) and time.monotonic() < limit:
        for member, tracker in members:
            if not tracker:
                _kill(member)
        time.sleep(_POLL)


def _members() -> list[tuple[int, bool]]:
    """Return the living processes of this group but this one: id, and whether it is a tracker."""
    group, members = os.getpgrp(), []
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else []:
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                state, _, its_group = file.read().rpartition(b")")[2].split()[:3]
            with open(f"/proc/{name}/cmdline", "rb") as file:
                tracker = b"multiprocessing.resource_tracker" in file.read()
        except OSError:
            continue
        if int(its_group) == group and state not in b"ZX":
            members.append((int(name), tracker))
    return members


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


if __name__ == "__main__":
    keep()
