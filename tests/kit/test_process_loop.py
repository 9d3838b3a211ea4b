"""The program of /process ends with its parent, and has a lower priority."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = "asgi_liveness.process_loop"


def test_loop_prints_a_line_for_each_step_at_a_lower_priority() -> None:
    command = (sys.executable, "-m", PROGRAM, str(os.getpid()))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert all(process.stdout.readline().startswith("{'/process': ") for _ in range(3))
            own = os.getpriority(os.PRIO_PROCESS, 0)
            assert os.getpriority(os.PRIO_PROCESS, process.pid) == min(own + 10, 19)
        finally:
            process.kill()


def test_loop_ends_when_its_parent_is_another_process() -> None:
    command = (sys.executable, "-m", PROGRAM, str(os.getppid()))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_program_imports_no_web_framework() -> None:
    code = f"import sys, {PROGRAM}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"fastapi", "starlette", "quart", "httpx", "uvicorn", "hypercorn"}
