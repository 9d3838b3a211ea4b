"""Whether every verdict can come out here: on this machine, with this Python, as this user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.miniatures import MINIATURES
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.run import run

if TYPE_CHECKING:
    from asgi_liveness.checking.miniatures import Miniature

_WIDTH: Final = 22


def selftest() -> int:
    """Check every miniature, print a line on each, and return the exit code."""
    wrong = 0
    for miniature in MINIATURES:
        said, right = judge(miniature)
        wrong += not right
        name = miniature.during or "idle, with a scheduler"
        print(f"  {name:<{_WIDTH}}  {said}", flush=True)
    print(
        f"{len(MINIATURES) - wrong} of {len(MINIATURES)} miniatures are judged as they should be."
    )
    return 1 if wrong else 0


def judge(miniature: Miniature) -> tuple[str, bool]:
    """Return what a check says of a miniature, in a line, and whether that is right."""
    options = Options(
        target=f"asgi_liveness.checking.miniatures:{miniature.app}",
        during=(miniature.during,) if miniature.during else (),
        probe=miniature.probe,
        duration=1.5,
    )
    route = run(options).routes[-1]
    named = route.culprit.function if route.culprit else ""
    right = (route.verdict, named) == (miniature.verdict, miniature.culprit)
    at = f" in {named}()" if named else ""
    because = f", {route.because}" if route.because else ""
    must = miniature.verdict + (f" in {miniature.culprit}()" if miniature.culprit else "")
    wrong = "" if right else f"; WRONG, it must be {must}"
    return f"{route.verdict}{at}{because}{wrong}", right
