"""Prove from the record of a run that every job was accounted for, and that none ran twice at once.

The rule: pure. Each function returns what is wrong, a line for each job.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from tools.cluster.record import FINAL

if TYPE_CHECKING:
    from tools.cluster.record import Run, Seen

Runs = dict[str, list["Run"]]
"""The runs of each job, by its id, in the order of their starts."""


def wrong(seen: Seen, found: list[Run]) -> list[str]:
    """Return all that is wrong with one kind of jobs."""
    by_id = by_key(found)
    return [
        *unaccounted(seen),
        *changed(seen),
        *doubled(by_id),
        *repeated_fences(found, by_id),
        *unlisted(seen, by_id),
        *misjudged(seen, by_id),
        *lost_for_nothing(seen, by_id),
    ]


def by_key(found: list[Run]) -> Runs:
    """Return the runs of each job."""
    by_id: Runs = defaultdict(list)
    for run in sorted(found, key=lambda run: run.start):
        by_id[run.key].append(run)
    return dict(by_id)


def last_states(seen: Seen) -> dict[str, str]:
    """Return the last state of each job that was ever listed.

    The queue forgets the oldest ended jobs, so a job need not be in the last list.
    """
    states: dict[str, str] = {}
    for poll in seen.polls:
        states |= poll.states
    return states


def counts(seen: Seen) -> Counter[str]:
    """Return how many jobs ended in each state."""
    return Counter(last_states(seen).values())


def unaccounted(seen: Seen) -> list[str]:
    """Find accepted jobs that are not listed, and jobs that have not come to an end."""
    states = last_states(seen)
    last = seen.polls[-1].states if seen.polls else {}
    return [
        *(f"{key}: accepted, and listed nowhere" for key in sorted(seen.accepted - states.keys())),
        *(
            f"{key}: {states[key]} at the end" + ("" if key in last else ", and no longer listed")
            for key in sorted(states)
            if states[key] not in FINAL
        ),
    ]


def changed(seen: Seen) -> list[str]:
    """Find jobs whose state changed after their end.

    A job is called lost for as long as its worker cannot reach the queue, so that may change.
    """
    ended: dict[str, str] = {}
    found = []
    for poll in seen.polls:
        for key, state in poll.states.items():
            if ended.get(key, state) != state:
                found.append(f"{key}: {ended[key]}, and later {state}")
            if state in FINAL and state != "lost":
                ended[key] = state
    return found


def doubled(by_id: Runs) -> list[str]:
    """Find jobs that ran twice at once, and jobs that began again but were not put back."""
    found = []
    for key, its_runs in by_id.items():
        for run, following in pairwise(its_runs):
            both = f"{run.owner} and {following.owner}"
            if following.start < run.last:
                found.append(f"{key}: ran twice at once, on {both}")
            elif run.how != "warned":
                found.append(f"{key}: began again after it was {run.how or 'lost'}, on {both}")
    return found


def repeated_fences(found: list[Run], by_id: Runs) -> list[str]:
    """Find fences that were used twice, and jobs whose fence did not grow with a start."""
    used = Counter(run.fence for run in found)
    return [
        *(
            f"{run.key}: its fence {run.fence} is another run's too"
            for run in found
            if used[run.fence] > 1
        ),
        *(
            f"{key}: its fence was {run.fence}, and then {following.fence}"
            for key, its_runs in by_id.items()
            for run, following in pairwise(its_runs)
            if following.fence <= run.fence
        ),
    ]


def unlisted(seen: Seen, by_id: Runs) -> list[str]:
    """Find jobs that ran and were not listed, ever or while they ran."""
    listed = last_states(seen)
    found = [f"{key}: ran, and is listed nowhere" for key in by_id if key not in listed]
    for key, its_runs in by_id.items():
        for run in its_runs if key in listed else ():
            for poll in seen.polls:
                state = poll.states.get(key, "not listed")
                spans = run.start < poll.sent and poll.received < run.last
                # The list says stopped while the loop does not know it yet, and lost while the
                # worker cannot reach the queue.
                if spans and state not in ("running", "stopped", "lost"):
                    found.append(f"{key}: {state} while it ran on {run.owner}")
    return found


def misjudged(seen: Seen, by_id: Runs) -> list[str]:
    """Find jobs whose last state is not how their last run ended."""
    found = []
    wanted = {"ended": ("done",), "failed": ("failed",), "stopped": ("done", "warned", "failed")}
    for key, state in last_states(seen).items():
        last = by_id[key][-1] if key in by_id else None
        how = last.how if last else "never run"
        is_fine = how in wanted.get(state, (how,))
        if state == "stopped" and (last is None or last.owner in seen.killed):
            is_fine = True  # it waited, or was killed while it was stopped
        if not is_fine:
            found.append(f"{key}: {state}, and its last run is {how or 'without an end'}")
    return found


def lost_for_nothing(seen: Seen, by_id: Runs) -> list[str]:
    """Find lost jobs whose worker was not killed, and more lost jobs than kills explain.

    A job that never ran and that no server accepted is lost by right: its server was killed, or had
    no answer, before the job was in the queue.
    """
    found, others = [], []
    for key, state in last_states(seen).items():
        if state != "lost":
            continue
        last = by_id[key][-1] if key in by_id else None
        if last is None and key not in seen.accepted:
            continue
        if last is None or last.how:
            others.append(key)
        elif last.owner not in seen.killed:
            found.append(f"{key}: lost, and its worker {last.owner} was not killed")
    if len(others) > seen.spare:
        words = f"lost without a killed run, and kills explain {seen.spare} of {len(others)}"
        found += [f"{key}: {words}" for key in others]
    return found
