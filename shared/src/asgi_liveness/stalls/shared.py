"""The line that several stalls have in common, and the worst of them. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from asgi_liveness.stalls.cause import computes
from asgi_liveness.stalls.line import function_of, line
from asgi_liveness.stalls.stack import is_of_app

if TYPE_CHECKING:
    from asgi_liveness.stalls.line import Line
    from asgi_liveness.stalls.stalls import Stall


def shared(blamed: list[Stall], package: str) -> tuple[Line, Stall]:
    """Return the line that the *blamed* stalls have in common, and the worst stall with it.

    Installed code has no loop of its own to look for: its line is that of the most samples.
    """
    lines = [(stall.line, stall) for stall in blamed if stall.line]
    functions: Counter[tuple[str, str]] = Counter()
    for each, _ in lines:
        functions[function_of(each.frame)] += each.seen
    most, worst = max(lines, key=lambda row: (functions[function_of(row[0].frame)], row[0].seen))
    if not is_of_app(most.frame.file, package):
        return replace(most, seen=functions[function_of(most.frame)]), worst
    stacks = [sample.stack for _, stall in lines for sample in stall.samples if sample.stack]
    ran, held = any(map(computes, blamed)), any(stall.gil_held for stall in blamed)
    return line(stacks, package, ran=ran, held=held) or most, worst
