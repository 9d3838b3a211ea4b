"""``python -m asgi_liveness`` is the command ``asgi-liveness``.

The rule: no traceback reaches a user. Whatever fails is one line on standard error, and exit code
2: 1 would mean a finding. ``ASGI_LIVENESS_TRACEBACK=1`` prints the traceback as well.
"""

import contextlib
import os
import sys


def main() -> int:
    """Run the command and return its exit code, also when interrupted while it is imported."""
    _open_streams()
    code = _code()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            code = _unwritten(error)
    return code


def _code() -> int:
    try:
        from asgi_liveness.cli import main as cli  # noqa: PLC0415 (Ctrl+C may come as early as now)

        return cli.main()
    except KeyboardInterrupt:
        _say("interrupted; every server that it started is ended", before="\n")
        return 130
    except SystemExit as end:  # of --help and --version
        return end.code if isinstance(end.code, int) else 2
    except BrokenPipeError as error:
        return _unwritten(error)
    except Exception as error:  # noqa: BLE001 (what is left is a bug, and its text is for developers)
        return _failed(error)


def _failed(error: Exception) -> int:
    from asgi_liveness.errors import TRACEBACK, one_line  # noqa: PLC0415 (as above)

    if os.environ.get(TRACEBACK):
        sys.excepthook(type(error), error, error.__traceback__)
    _say(one_line(error))
    return 2


def _unwritten(error: OSError) -> int:
    """Say that a standard stream takes no more, and let the end of Python not try it again."""
    if not isinstance(error, BrokenPipeError):  # else the reader has gone, and wants no more
        _say(f"the output cannot be written: {error.strerror}")
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return 2


def _say(text: str, before: str = "") -> None:
    with contextlib.suppress(OSError):
        print(f"{before}asgi-liveness: {text}", file=sys.stderr, flush=True)


def _open_streams() -> None:
    """Open the standard streams that are closed: else the next file would take their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(null, mode, closefd=False))  # it is open until the end


if __name__ == "__main__":
    sys.exit(main())
