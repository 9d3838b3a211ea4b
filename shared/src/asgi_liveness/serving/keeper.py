"""A tiny process that starts a server, and ends it when the runner ends, whatever ended the runner.

A server with an endless loop ignores a request to stop, and a server may start processes of its
own, in groups and sessions of their own. So the keeper starts first: it owns the folder for the
server's files, it is the parent of the server, and it adopts each process whose parent ends
(Linux: a subreaper). Each process that the server ever starts is then a descendant of the keeper.

The rule: the keeper reads a pipe whose other end only the runner holds. At the end of that file it
kills its descendants and its group, removes the folder, and ends last. No server is ended in any
other way, so every run tests this one.

A command of the user's own has the streams and the process group of the runner, so that it owns the
terminal; and it may go on where the user asked for that.

``serving.group`` runs it as a script without site packages: it must be there before the first file
is made. It reads one record, an ``Order``. It writes records that end with NUL: the path of its
folder, the id of the server, the exit code of the server, and ``done``. A record that begins with
``!`` is an error instead.
"""

import marshal
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False  # typing takes 5 ms to import
if TYPE_CHECKING:
    from asgi_liveness.serving import ending
else:
    sys.path.insert(0, os.path.dirname(__file__))
    import ending

_LOG_POLL = 0.1  # seconds between two looks at the size of the log
_LOG_LIMIT = 4 << 20  # bytes; a longer log is cut
_LOG_KEPT = 64 << 10  # bytes of the log that are kept at each end when it is cut
_CHAIN_LIMIT = 1.0  # seconds to end processes that fork as quickly as they are killed
_SET_CHILD_SUBREAPER = 36  # the number in prctl.h
_PUNCH_HOLE = 3  # with the size kept: the bits in falloc.h
_TERMINATING = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM")


def keep() -> None:
    """Make the folder, start the server, wait for the end of the pipe, and end everything."""
    for name in _TERMINATING:
        number = getattr(signal, name)
        if signal.getsignal(number) is not signal.SIG_IGN:
            # The server would inherit SIG_IGN; it does not inherit a handler.
            signal.signal(number, lambda *_: None)
    folder = os.path.join(
        os.fsencode(sys.argv[1]), b"asgi-liveness-" + os.urandom(8).hex().encode()
    )
    try:
        os.mkdir(folder, 0o700)
    except OSError as error:
        _report(b"!" + (error.strerror or "unknown error").encode())
        return
    server, goes_on = 0, False
    try:
        _report(folder)
        _adopt_orphans()
        server, goes_on = _serve(folder, [int(descriptor) for descriptor in sys.argv[2:]])
    finally:
        try:
            left = [] if goes_on else _end(server)
            ending.say_left(left, b"" if ending.remove(folder) else folder)
            _report(ending.DONE)
        finally:
            os.killpg(0, signal.SIGKILL)


def _report(record: bytes) -> None:
    try:
        os.write(1, record + b"\0")
    except BrokenPipeError:
        return  # the runner has ended already, and the next read finds that out


def _adopt_orphans() -> None:
    """Become the parent of each descendant whose own parent ends.

    Elsewhere than on Linux, or without ctypes, only the group shows what belongs to the server.
    """
    try:
        import ctypes  # noqa: PLC0415 (it takes 5 ms, in which the runner makes its files)

        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return


def _serve(folder: bytes, descriptors: list[int]) -> tuple[int, bool]:
    """Start the server that the runner describes.

    At the end of the pipe, return its id, and whether it goes on.
    """
    try:
        # The fields of the runner's ``Order``.
        command, environment, streams, group, goes_on = marshal.load(sys.stdin.buffer)  # noqa: S302 (from the runner)
    except (EOFError, ValueError, TypeError):
        return 0, False  # the runner has ended
    nothing = os.open(os.devnull, os.O_RDWR)
    log = server = 0
    try:
        if not streams:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
            log = os.open(os.path.join(folder, b"stderr"), flags, 0o600)
            streams = (nothing, nothing, log)
        for given in streams:
            os.set_inheritable(given, False)  # of each the server has one copy
        server = os.posix_spawnp(
            command[0],
            command,
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, given, at) for at, given in enumerate(streams)],
            setpgroup=group or os.getpid(),
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),  # Python ignores them
        )
        _report(b"%d" % server)
    except (OSError, ValueError) as error:
        _report(b"!" + (getattr(error, "strerror", None) or str(error)).encode())
    for descriptor in (*descriptors, nothing):
        os.close(descriptor)
    signal.signal(signal.SIGCHLD, lambda *_: _reap(server))
    _reap(server)
    cut = 0
    while not select.select([0], [], [], _LOG_POLL)[0] or os.read(0, 1):
        if log:
            cut = _cut(log, cut)
    return server, goes_on


def _reap(server: int) -> None:
    """Take the exit codes of processes that have ended, and report the server's."""
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == server:
                _report(b"%d" % os.waitstatus_to_exitcode(ended[1]))
    except ChildProcessError:
        return


def _end(server: int) -> list[int]:
    """End all descendants; return those that are left.

    The keeper has adopted every orphan, so it has a child as long as it has a descendant. That
    shows a process which forks and ends so quickly that no listing has it; its group gives it away.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    left = ending.end_members(os.getpid())
    until = time.monotonic() + _CHAIN_LIMIT
    while not left and ending.sees_members() and time.monotonic() < until:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            break
        if ended is None:
            left = ending.end_members(os.getpid())
            continue
        ending.kill_session_group(ended.si_pid)
        _, status = os.waitpid(ended.si_pid, 0)
        if ended.si_pid == server:
            _report(b"%d" % os.waitstatus_to_exitcode(status))
    return left


def _cut(log: int, cut: int) -> int:
    """Free the middle of a log that is too long, up to a byte; return that byte, at first *cut*.

    A file, unlike a pipe, never blocks its writer. A hole loses no line, unlike a shorter file: the
    writers go on while the system cuts it, for seconds if there is much.
    """
    end = os.fstat(log).st_size // _LOG_KEPT * _LOG_KEPT - _LOG_KEPT  # whole pages
    if end - cut <= _LOG_LIMIT:
        return cut
    try:
        import ctypes  # noqa: PLC0415 (see above)

        whole = ctypes.c_long(_LOG_KEPT), ctypes.c_long(end - _LOG_KEPT)
        if ctypes.CDLL(None).fallocate(log, _PUNCH_HOLE, *whole) == 0:
            return end
    except (ImportError, OSError, AttributeError):
        pass
    os.ftruncate(log, _LOG_KEPT)  # a file system without holes: its end is lost
    return 0


if __name__ == "__main__":
    keep()
