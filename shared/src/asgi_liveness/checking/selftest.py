"""A test that every verdict is possible on this machine, with this Python, as this user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.miniatures import MINIATURES
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.run import run

if TYPE_CHECKING:
    from asgi_liveness.checking.miniatures import Miniature

_WIDTH: Final = 22  # columns of a request


def selftest() -> int:
    """Check every miniature, print a line for each, and return the exit code."""
    wrong = 0
    for miniature in MINIATURES:
        line, right = judge(miniature)
        wrong += not right
        name = miniature.during or "idle, with a scheduler"
        print(f"  {name:<{_WIDTH}}  {line}", flush=True)
    print(f"{len(MINIATURES) - wrong} of {len(MINIATURES)} miniatures have the expected verdict.")
    return 1 if wrong else 0


def judge(miniature: Miniature) -> tuple[str, bool]:
    """Return the result of checking *miniature*, in a line, and whether it is right."""
    options = Options(
        target=f"asgi_liveness.checking.miniatures:{miniature.app}",
        during=(miniature.during,) if miniature.during else (),
        probe=miniature.probe,
        duration=1.5,
    )
    route = run(options).routes[-1]
    function = route.culprit.function if route.culprit else ""
    right = (route.verdict, function) == (miniature.verdict, miniature.culprit)
    at = f" in {function}()" if function else ""
    because = f", {route.because}" if route.because else ""
    expected = miniature.verdict + (f" in {miniature.culprit}()" if miniature.culprit else "")
    wrong = "" if right else f"; WRONG, expected {expected}"
    return f"{route.verdict}{at}{because}{wrong}", right
