"""The signals of a watch: which came, and whether the command that is watched got them as well.

The rule: the command gets each signal once. Those of the terminal reach its whole process group;
those that somebody sends to us alone are passed on.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

OURS: Final = signal.SIGUSR1
"""It asks for the summary so far."""
RESUMED: Final = signal.SIGCONT
_PASSED_ON: Final = {
    *(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT),
    signal.SIGUSR2,
}


class Signals:
    """The signals from now on. ``begin`` before any thread starts.

    *came* is called in a thread of its own with each signal, and whether it is to be passed on.
    """

    def __init__(self, came: Callable[[int, bool], object]) -> None:
        self._came = came

    def begin(self) -> None:
        """Take the signals; none interrupts us any more."""
        wanted = {OURS, RESUMED, *_PASSED_ON}  # also where they are ignored, as in `watch ... &`
        signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
        threading.Thread(target=self._wait, args=(wanted,), daemon=True).start()

    def _wait(self, wanted: set[signal.Signals]) -> None:
        while True:
            info = signal.sigwaitinfo(wanted)
            is_sent = info.si_code <= 0  # by a process, and not by the terminal
            with contextlib.suppress(RuntimeError):  # it came after the end of the event loop
                self._came(info.si_signo, is_sent and info.si_signo in _PASSED_ON)
