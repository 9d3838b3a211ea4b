"""Whether a process lives."""

from __future__ import annotations

import os
import subprocess
import sys

from asgi_liveness.serving.living import lives


def test_a_process_lives_until_it_has_ended() -> None:
    assert lives(os.getpid())
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie, not reaped
    assert not lives(process.pid)
    process.wait()
    assert not lives(process.pid)
