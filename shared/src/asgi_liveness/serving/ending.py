"""Find, kill and name the processes of a server, and remove its folder.

The keeper does this at the end of its runner, and the runner in the place of a keeper that someone
has killed. Nothing of the kit is imported here: the keeper must start quickly.
"""

import os
import signal
import time

DONE = b"done"  # the keeper's last record
_POLL = 0.01  # seconds between two looks for processes that are to end
_TRACKER_LIMIT = 1.5  # seconds that resource trackers may take to clean up after a kill
_KILL_LIMIT = 3.0  # more seconds that killed processes may take to end
_END_BY_THEMSELVES = (b"multiprocessing.resource_tracker", b"serving/keeper.py")


def end_members(*roots: int) -> list[int]:
    """Kill all members of *roots*; return those that are left.

    What is left belongs to another user, or waits in the system's kernel. A resource tracker of
    multiprocessing ends by itself after the processes that it serves, and first removes their named
    semaphores (hypercorn's command makes five). If it were killed with them, the semaphores would
    stay in the system's shared memory for ever. Another keeper ends by itself, too.
    """
    trackers_end = time.monotonic() + _TRACKER_LIMIT
    semaphores: set[int] = set()
    refused: set[int] = set()
    alive = members(*roots)
    while {pid for pid, _ in alive} - refused and time.monotonic() < trackers_end + _KILL_LIMIT:
        for pid, ends_by_itself in alive:
            if not ends_by_itself or time.monotonic() > trackers_end:
                if not _signal(pid, signal.SIGSTOP):  # so that it makes no more semaphores
                    refused.add(pid)
                semaphores |= _semaphores(pid)
                _signal(pid, signal.SIGKILL)
        time.sleep(_POLL)
        alive = members(*roots)
    _unlink(semaphores)
    return [pid for pid, _ in alive]


def _signal(pid: int, number: int) -> bool:
    """Send a signal; return whether the system lets us."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return True


def kill_session_group(pid: int) -> None:
    """Kill the group of a process that is, or was, in a session of its own.

    Only descendants of the process that began a session can be in it.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            group, session = file.read().rpartition(b")")[2].split()[2:4]
        if int(session) != os.getsid(0):
            os.killpg(int(group), signal.SIGKILL)
    except OSError:
        return


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
            except OSError:  # its tracker was late
                continue


def remove(top: bytes) -> bool:
    """Remove a folder of any depth, with folders of any mode; return whether it is gone.

    Each folder within moves up to the top first, so that no path becomes too long.
    """
    folders, moved = [top], 0
    while folders:
        folder = folders.pop()
        try:
            os.chmod(folder, 0o700)
            for entry in list(os.scandir(folder)):
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
                    continue
                moved += 1
                os.chmod(entry.path, 0o700)
                folders.append(os.path.join(top, b".%d-is-removed" % moved))
                os.rename(entry.path, folders[-1])
            if folder != top:
                os.rmdir(folder)
        except OSError:
            continue
    try:
        os.rmdir(top)
    except OSError:
        return not os.path.lexists(top)
    return True


def say_left(processes: list[int], folder: bytes = b"") -> None:
    """Print a line for the processes that are left, and one for the folder."""
    lines = []
    if processes:
        ids = " ".join(map(str, processes))
        lines.append(
            f"these processes of the server could not be ended: {ids}; try: sudo kill -9 {ids}"
        )
    if folder:
        path = os.fsdecode(folder)
        lines.append(f"the folder {path} could not be removed; try: sudo rm -r {path}")
    for line in lines:
        try:
            os.write(2, os.fsencode(f"asgi-liveness: {line}\n"))
        except OSError:  # nobody reads
            return


def sees_members() -> bool:
    """Whether this system has a /proc that shows processes."""
    return os.path.isdir("/proc/self")


def members(*roots: int) -> list[tuple[int, bool]]:
    """Return the living processes that belong to *roots*: id, and whether it ends by itself.

    A process belongs to a root if it is in a group that the root leads, if it descends from the
    root, or if it descends from such a process. The first root, the keeper, is left out. The list
    is empty where there is no /proc.
    """
    processes = {}
    for name in os.listdir("/proc") if sees_members() else []:
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    state, parent, group = file.read().rpartition(b")")[2].split()[:3]
            except OSError:
                continue
            processes[int(name)] = (state, int(parent), int(group))
    found = set(roots)
    while new := {
        pid
        for pid, (_, parent, group) in processes.items()
        if pid not in found and (parent in found or group in roots)
    }:
        found |= new
    living = [pid for pid in found & {*processes} - {roots[0]} if processes[pid][0] not in b"ZX"]
    return [(pid, _ends_by_itself(pid)) for pid in sorted(living)]


def _ends_by_itself(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            command = file.read()
    except OSError:
        return True
    # A process that is just starting has no command line yet: it may become a tracker.
    return not command or any(part in command for part in _END_BY_THEMSELVES)
