"""The command that may look into a process, where the system refuses this one.

The rule: the command is whole. It names this program by its path, since sudo has another PATH.
"""

from __future__ import annotations

import os
import shlex
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONTAINERS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""Files that Docker and Podman put into a container."""
_SCOPE: Final = Path("/proc/sys/kernel/yama/ptrace_scope")
_NOBODY: Final = 3
"""The scope in which no process may be traced until the machine starts again."""


def permitted(words: Sequence[str]) -> str:
    """Return what to type in place of ``asgi-liveness WORDS``, as the end of an error."""
    again = shlex.join([*_program(), *words])
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        pod = shlex.quote(socket.gethostname())
        return (
            f"kubectl debug -it {pod} --target=CONTAINER --profile=sysadmin --image=IMAGE -- "
            f"{shlex.join(['asgi-liveness', *words])} (IMAGE has asgi-liveness in it)"
        )
    if any(path.exists() for path in _CONTAINERS):
        name = shlex.quote(socket.gethostname())
        return (
            f"type on its host: docker exec --privileged --user root {name} {again}, or start "
            f"the container with docker run --cap-add SYS_PTRACE ..."
        )
    if _scope() == _NOBODY:
        return "kernel.yama.ptrace_scope is 3, so nobody may until the machine starts again"
    if os.geteuid() == 0:
        return "root needs the capability SYS_PTRACE: capsh --print shows those that it has"
    return f"type sudo {again}"


def _program() -> list[str]:
    """Return the words that start this program from any folder."""
    started = Path(sys.argv[0])
    if started.name == "asgi-liveness":
        return [str(started.absolute())]
    return [sys.executable, "-m", "asgi_liveness"]


def _scope() -> int:
    try:
        return int(_SCOPE.read_text())
    except (OSError, ValueError):
        return 0
