"""``python -m asgi_liveness`` is the command ``asgi-liveness``."""

import errno
import os
import sys


def main() -> int:
    """Run the command and return its exit code, also when interrupted while it is imported."""
    _open_closed_streams()
    try:
        from asgi_liveness.cli import main as cli  # noqa: PLC0415 (Ctrl+C may come as early as now)

        return cli.main()
    except KeyboardInterrupt:
        print("\nasgi-liveness: interrupted; every server is ended", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of the pipe has gone, which is no verdict
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print("asgi-liveness: the disk is full; free some space and run again", file=sys.stderr)
        return 2


def _open_closed_streams() -> None:
    """Open the null device for each standard stream that the caller has closed.

    Else the next file or socket would get the number of the stream, and what is meant for it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 (until the end)


if __name__ == "__main__":
    sys.exit(main())
