"""What changed from one check to another, request by request. Pure.

The rule of the noise: each check watches the idle app first. The longest time in which its probes
got no answer there is how far the machine alone moves a time, and no probe sees more than its
interval. A stall or a silence has changed if it differs by more than the largest of these in
either check. A window that ends while no probe is answered says how long the check watched, not how
long the app blocks: its times are not compared. Nor are those of a check without an idle window,
or of two machines.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from asgi_liveness.changes import Change, ChangeKind, Comparison, judged
from asgi_liveness.checking.render import duration
from asgi_liveness.checking.report import Verdict, WindowReport
from asgi_liveness.stalls import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asgi_liveness.checking.report import Report

_UNJUDGED: Final = (Verdict.NOT_CHECKED, Verdict.INCONCLUSIVE)
ORDER: Final = tuple(verdict for verdict in Verdict if verdict not in _UNJUDGED)
"""The verdicts that can be compared, the worst first: the order in which they are declared."""
_NOT_ANSWERED: Final = "."
_IDLE: Final = "the idle app"


def compare(old: Report, new: Report) -> Comparison:
    """Return what changed from the check *old* to the check *new*."""
    before, after = _windows(old), _windows(new)
    noise = _noise(old, new)
    changes = []
    for subject in [*after, *(subject for subject in before if subject not in after)]:
        earlier, later = before.get(subject), after.get(subject)
        if earlier is None and later is not None:
            row = Change(subject, "", later.verdict, ChangeKind.NEW, _reason(later))
            changes.append(row)
        elif later is None and earlier is not None:
            row = Change(subject, earlier.verdict, "", ChangeKind.GONE, _reason(earlier))
            changes.append(row)
        elif earlier and later:
            changes += _changed(subject, earlier, later, noise)
    notes = (*_notes(old, new), *_noise_note(noise))
    return Comparison(tuple(changes), len(before.keys() & after.keys()), "window", notes)


def _windows(report: Report) -> dict[str, WindowReport]:
    """Return the windows by request; one that was named before has a number."""
    found, times = dict[str, WindowReport](), Counter[str]()
    for route in report.routes:
        subject = route.during or _IDLE
        times[subject] += 1
        found[f"{subject} ({times[subject]})" if times[subject] > 1 else subject] = route
    return found


def _changed(
    subject: str, before: WindowReport, after: WindowReport, noise: float | None
) -> Iterator[Change]:
    """Yield the verdict if it is another one, else what else is not as it was."""
    if kind := judged(before.verdict, after.verdict, ORDER):
        worst = after if kind is ChangeKind.WORSE else before
        detail = _reason(worst if kind is not ChangeKind.UNSURE else after) or _reason(before)
        yield Change(subject, before.verdict, after.verdict, kind, detail)
        return
    if _place(before) != _place(after):
        was, became = (_where(route) or f"{route.verdict}, no line" for route in (before, after))
        yield Change(subject, was, became, ChangeKind.CHANGED, _reason(after))
    if noise is None or any(route.strip.endswith(_NOT_ANSWERED) for route in (before, after)):
        return
    for noun, old, new in (
        ("stall", before.longest_stall_s, after.longest_stall_s),
        ("silence", before.longest_silence_s, after.longest_silence_s),
    ):
        if old is not None and new is not None and abs(new - old) > noise:
            was, became = (f"{noun} {duration(seconds)}" for seconds in (old, new))
            yield Change(subject, was, became, ChangeKind.CHANGED, _reason(after))
            return  # a stall is a silence, too


def _noise(old: Report, new: Report) -> float | None:
    """Return the seconds by which a time differs without a reason in the app; None: not known."""
    idle = [[r.longest_silence_s for r in each.routes if r.during is None] for each in (old, new)]
    if not all(idle) or not _is_one_machine(old, new):
        return None
    return max(*idle[0], *idle[1], old.interval_s, new.interval_s)


def _place(route: WindowReport) -> tuple[str, str, str] | None:
    """Return the culprit, whose line may have moved with the lines above it."""
    found = route.culprit
    return (found.file, found.function, found.source or str(found.line)) if found else None


def _where(route: WindowReport) -> str:
    return quote.frame(route.culprit) if route.culprit else ""


def _reason(route: WindowReport) -> str:
    return "; ".join(part for part in (_where(route), route.because) if part)


def _is_one_machine(old: Report, new: Report) -> bool:
    return all(old.system.get(name) == new.system.get(name) for name in ("platform", "cores"))


def _notes(old: Report, new: Report) -> Iterator[str]:
    """Yield what else differs between the checks."""
    pairs = [
        (old.target, new.target),
        (old.server, new.server),
        (f"probing {old.probe}", f"probing {new.probe}"),
        (f"limit {duration(old.max_stall_s)}", f"limit {duration(new.max_stall_s)}"),
        *(
            (f"{word} {old.system.get(name)}", f"{word} {new.system.get(name)}")
            for name, word in (("python", "Python"), ("platform", ""), ("cores", "cores"))
        ),
    ]
    yield from (f"{a.strip()}, then {b.strip()}" for a, b in pairs if a != b)


def _noise_note(noise: float | None) -> Iterator[str]:
    if noise is None:
        yield "no idle window of both, on one machine, shows the noise: no time was compared"
    else:
        yield f"times count as changed by more than {duration(noise)}"
