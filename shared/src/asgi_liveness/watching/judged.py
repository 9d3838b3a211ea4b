"""Samples of a process that runs already -> whether its event loop is frozen, busy or live. Pure.

The rule: a frozen event loop stood inside one callback in all samples, and took no connection from
its port meanwhile. Equal stacks alone prove nothing: a loop that yields has equal stacks as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from asgi_liveness.serving.records import Sample
from asgi_liveness.stalls import alone, stack, way
from asgi_liveness.stalls.advice import Kind, advice
from asgi_liveness.stalls.cause import cause, passing
from asgi_liveness.stalls.culprit import Culprit, culprit_at, culprit_of
from asgi_liveness.stalls.gil import is_held
from asgi_liveness.stalls.line import Line, line
from asgi_liveness.stalls.stalls import Stall
from asgi_liveness.watching.sampled import ENOUGH
from asgi_liveness.watching.threads import full_pool

if TYPE_CHECKING:
    from asgi_liveness.stalls.spy import SpiedThread
    from asgi_liveness.watching.sampled import Sampled

_MOSTLY: Final = 0.5
"""The part of the samples, or of a time, that counts as most of it."""
_NEARLY_ALL: Final = 0.9
"""The part of the samples in which one thread holds the GIL that shares it with no other."""
_WAKES: Final = 50
"""Times a second that a thread which waits for the GIL wakes, at least. It wakes 200 times a second
(every 5 ms, ``sys.getswitchinterval``)."""
_PLACES: Final = 3
"""The lines to name where an event loop is busy."""


class Condition(StrEnum):
    """What the samples show of an event loop."""

    FROZEN = "frozen"
    BUSY = "busy"
    LIVE = "live"
    UNCLEAR = "inconclusive"


@dataclass(frozen=True)
class Finding:
    """The verdict on one process."""

    state: Condition
    words: str
    """The verdict in words, with its counts."""
    culprits: tuple[Culprit, ...] = ()
    """The line that blocks, or those at which a busy loop stood."""
    advice: str = ""
    notes: tuple[str, ...] = ()


def judge(seen: Sampled) -> Finding:
    """Return the verdict on a process, and whether it ended meanwhile."""
    found = _judged(seen)
    return replace(found, notes=(*found.notes, seen.ended)) if seen.ended else found


def _judged(seen: Sampled) -> Finding:
    own = seen.loop
    if len(own) < ENOUGH:
        reason = f": {seen.refused}" if seen.refused else ""
        return Finding(
            Condition.UNCLEAR, f"py-spy gave only {_counted(len(own), 'sample')}{reason}"
        )
    if all(stack.imports(each.stack) for each in own):
        return _importing(seen, own)
    another = seen.holder
    if another and _is_kept_out(seen, own, another):
        return _held(another, len(own))
    frozen = None if seen.took else _frozen(seen, own)
    if frozen and seen.took is None and alone.may_yield(own[-1].stack, seen.package):
        frozen = None
    return frozen or _running(seen, own, another)


def _is_kept_out(seen: Sampled, own: list[SpiedThread], another: Line) -> bool:
    """Whether the event loop cannot run because *another* thread never releases the GIL.

    A thread that waits for the GIL wakes again and again; one that waits in a call sleeps.
    """
    if seen.took or another.seen < _NEARLY_ALL * len(own) or any(each.holds_gil for each in own):
        return False
    used = seen.used.get(own[0].thread)
    if used is None:
        return seen.took is False
    return used.wakes > _WAKES


def _frozen(seen: Sampled, own: list[SpiedThread]) -> Finding | None:
    """Return the finding where every sample is inside one callback; else None."""
    stacks = [each.stack for each in own]
    if any(each.waits for each in own) or not all(map(stack.callback, stacks)):
        return None
    used = seen.used.get(own[0].thread)
    busy = used is not None and used.ran > _MOSTLY
    held = is_held(own)
    found = line(stacks, seen.package, ran=busy, held=held)
    if found is None:
        if len({each[0] for each in stacks}) > 1:
            return None
        culprit, kind = culprit_at(stacks[0][0], None, len(own), len(own)), None
    else:
        if not alone.is_one_callback(stacks, found):
            return None
        found = passing(found, seen.package)
        samples = tuple(Sample(seen.process, 0, 0, each, gil_held=held) for each in stacks)
        ran = used.ran if used else None
        stall = Stall(0, seen.seconds, samples, found, ran, process=seen.process, goes_on=True)
        kind = cause(found, stall, seen.package, seen.threads)
        culprit = _culprit(found, len(own), seen.package)
    return Finding(
        Condition.FROZEN,
        f"the event loop's thread stood in one place in {_share(len(own), len(own))}",
        (culprit,),
        advice(kind) if kind else "",
        (f"its samples alone say so: {seen.because}",) if seen.took is None else (),
    )


def _held(another: Line, samples: int) -> Finding:
    """Return the finding where C code in another thread holds the GIL."""
    return Finding(
        Condition.FROZEN,
        f"another thread held the GIL in {_share(another.seen, samples)}, and the event loop "
        f"could not run",
        (_culprit(another, samples, ""),),
        advice(Kind.GIL_IN_THREAD),
    )


def _running(seen: Sampled, own: list[SpiedThread], another: Line | None) -> Finding:
    """Return the finding where the event loop runs, or nothing proves that it does not."""
    waited = sum(each.waits for each in own)
    words = f"the event loop waited for events in {_share(waited, len(own))}"
    notes: tuple[str, ...] = ()
    if seen.took is False:
        notes = ("it took no connection from its port meanwhile",)
    elif seen.took is None and not waited:
        notes = (f"whether it yields meanwhile cannot be seen: {seen.because}",)
    if another and another.seen > _MOSTLY * len(own):
        shared = f"another thread held the GIL in {_share(another.seen, len(own))}; {words}"
        culprits = (_culprit(another, len(own), seen.package),)
        return Finding(Condition.BUSY, shared, culprits, advice(Kind.THREADS), notes)
    if waited > _MOSTLY * len(own):
        pool = full_pool(seen.dumps, seen.process, seen.package)
        return Finding(Condition.LIVE, words, notes=(*notes, *([pool] if pool else ())))
    return Finding(Condition.BUSY, words, _places(seen, own), notes=notes)


def _importing(seen: Sampled, own: list[SpiedThread]) -> Finding:
    words = f"the app is being imported, in {_share(len(own), len(own))}"
    places = (replace(place, way=()) for place in _places(seen, own)[:1])
    return Finding(Condition.BUSY, words, tuple(places))


def _places(seen: Sampled, own: list[SpiedThread]) -> tuple[Culprit, ...]:
    """Return the lines at which an event loop stood most often."""
    found, left = list[Culprit](), [each.stack for each in own]
    while len(found) < _PLACES and (most := line(left, seen.package)):
        found.append(_culprit(most, len(own), seen.package))
        at = (most.frame.file, most.frame.function)
        left = [each for each in left if at not in alone.functions(stack.callback(each))]
    return tuple(found)


def _culprit(found: Line, samples: int, package: str) -> Culprit:
    culprit = culprit_of(found, samples, package, None)
    steps = way.whole(found, package)
    return replace(culprit, way=steps if len(steps) > 1 else ())


def _share(seen: int, samples: int) -> str:
    return f"{seen} of {_counted(samples, 'sample')}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
