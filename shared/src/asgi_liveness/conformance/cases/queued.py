"""OUTLIVES and LOST: what becomes of a queued job when its server, or its worker, ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance.cases.case import family
from asgi_liveness.conformance.endings import Ends, Handed, Handover
from asgi_liveness.conformance.promises import LOST_LIMIT

if TYPE_CHECKING:
    from asgi_liveness.conformance.cases.case import Case


def outlives(handed: Handed) -> str | None:
    """Queues a job, ends the server by SIGTERM, and starts a new one with the same queue.

    Must see: the new server lists the job under the same id, its steps go on, and a DELETE of its
    address ends its loop.

    Why: every deployment ends the server, and a job that runs for hours must not end with it.
    """
    before, after = handed.steps
    if not handed.is_listed:
        return "the new server does not list the job."
    if after <= before:
        return (
            f"the job did not go on: {before:,} steps before the end of the server, {after:,} "
            f"afterwards; its state is {handed.state!r}."
        )
    if not handed.is_stopped:
        return "its loop still ran after a DELETE of its address at the new server."
    return None


def lost(put_back: Handed, killed: Handed) -> str | None:
    """Queues a job and ends its worker while another starts, by SIGTERM; then by SIGKILL.

    Must see: after SIGTERM the other worker runs the job, under the same id, and never two at
    once. After SIGKILL the job's state is `lost`, and no worker runs it again.

    Why: a job that nobody runs must not look as if somebody did, and a job that is run twice does
    its work twice.
    """
    before, after = put_back.steps
    if put_back.at_once > 1 or killed.at_once > 1:
        return "two loops of the job ran at the same time."
    if after <= before:
        return (
            f"after SIGTERM of its worker no other ran the job within {LOST_LIMIT:.0f} s; its "
            f"state is {put_back.state!r}."
        )
    if killed.state != "lost":
        return (
            f"{LOST_LIMIT:.0f} s after its worker was killed the state of the job is "
            f"{killed.state!r}; it must be 'lost'."
        )
    if killed.steps[0] != killed.steps[1]:
        return "a job that was called lost went on."
    return None


OUTLIVES: Final = family(
    "outlives",
    lambda row: (Handover(row.name, Ends.SERVER),),
    outlives,
    fix="Keep what is known of a job in the queue's database, not in the server. See `/queued`.",
)
LOST: Final = family(
    "lost",
    lambda row: (Handover(row.name, Ends.WORKER), Handover(row.name, Ends.WORKER_KILLED)),
    lost,
    fix="Let a running job show signs of life, and put it back when its worker gets SIGTERM. "
    "See `/queued`.",
)
CASES: Final[tuple[Case, ...]] = (*OUTLIVES, *LOST)
