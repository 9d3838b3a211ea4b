"""A tiny process that ends a server when its runner ends, whatever ended the runner.

A server with an endless loop ignores a request to stop, and a server may start processes of its
own. So the keeper starts first: it leads the process group that the server joins, and owns the
folder for the server's files. It reads a pipe whose other end only the runner holds. At the end of
that file, the keeper kills the group, removes the folder, and ends last. No server is ended in any
other way, so every run tests this one.

``serving.group`` runs it as a script without site packages: it must be there before the first file
is made. It prints the path of its folder, or ``!`` and the error.
"""

import os
import signal
import sys
import time

_POLL = 0.01  # seconds
_TRACKER_LIMIT = 1.5  # seconds that resource trackers may take to clean up after a kill


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
        _print(folder)
        while os.read(0, 1):
            pass
        _unlink(_kill_all_but_trackers())
        _remove(folder)
    finally:
        os.killpg(0, signal.SIGKILL)


def _print(folder: bytes) -> None:
    try:
        os.write(1, folder + b"\n")
    except BrokenPipeError:
        return  # the runner has ended already, and the next read finds that out


def _remove(folder: bytes) -> None:
    for path, folders, files in os.walk(folder, topdown=False):
        for name in files:
            os.unlink(os.path.join(path, name))
        for name in folders:
            within = os.path.join(path, name)
            os.unlink(within) if os.path.islink(within) else os.rmdir(within)
    os.rmdir(folder)


def _kill_all_but_trackers() -> set[int]:
    """Kill the group except multiprocessing's resource trackers, which /proc shows.

    A tracker ends by itself after the processes that it serves, and first removes their named
    semaphores (hypercorn's command makes five). If it were killed with them, the semaphores would
    stay in the system's shared memory for ever. Returns the file numbers of the semaphores that
    the killed processes had.
    """
    limit = time.monotonic() + _TRACKER_LIMIT
    semaphores: set[int] = set()
    while (alive := members(os.getpgrp())) and time.monotonic() < limit:
        for member, tracker in alive:
            if not tracker:
                _signal(member, signal.SIGSTOP)  # so that it makes no more semaphores
                semaphores |= _semaphores(member)
                _signal(member, signal.SIGKILL)
        time.sleep(_POLL)
    return semaphores


def _semaphores(pid: int) -> set[int]:
    """Return the file numbers of the named semaphores that a process has mapped."""
    try:
        with open(f"/proc/{pid}/maps", "rb") as file:
            return {int(line.split()[4]) for line in file if b" /dev/shm/sem." in line}
    except OSError:
        return set()


def _unlink(semaphores: set[int]) -> None:
    """Remove semaphores without a tracker: a process makes its first one before its tracker."""
    for entry in os.scandir("/dev/shm") if semaphores else []:  # noqa: S108 (where Linux keeps them)
        if entry.name.startswith("sem.mp-") and entry.inode() in semaphores:
            try:
                os.unlink(entry.path)
            except FileNotFoundError:  # its tracker was late
                continue


def sees_members() -> bool:
    """Whether this system has a /proc that shows processes."""
    return os.path.isdir("/proc/self")


def members(group: int) -> list[tuple[int, bool]]:
    """Return the living processes of a group without its leader: id, and whether it is a tracker.

    The list is empty where there is no /proc.
    """
    found = []
    for name in os.listdir("/proc") if sees_members() else []:
        if not name.isdigit() or int(name) == group:
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                state, _, its_group = file.read().rpartition(b")")[2].split()[:3]
            with open(f"/proc/{name}/cmdline", "rb") as file:
                command = file.read()
        except OSError:
            continue
        if int(its_group) == group and state not in b"ZX":
            # A process that is just starting has no command line yet: it may become a tracker.
            tracker = not command or b"multiprocessing.resource_tracker" in command
            found.append((int(name), tracker))
    return found


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    keep()
