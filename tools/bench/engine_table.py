"""The table of the task queues, made from their JSON."""

from __future__ import annotations

from statistics import median
from typing import Any, Final

ENGINES: Final = {
    "huey": "huey, as in `queued.py`",
    "celery": "Celery",
    "celery-late": "Celery, `acks_late`",
}
"""Each engine, in the order of the table."""
JOBS: Final = 5  # jobs that are started and stopped in a run
GOES_ON: Final = "runs with the next worker"
LOST: Final = "is lost"
TWICE: Final = "runs twice at once"


def table(result: dict[str, Any]) -> str:
    """Return a row for each engine: medians, and what became of the job."""
    head = (
        "| engine | start to first step | stop to last | SIGTERM to its worker's end | its job |",
        "| --- | --- | --- | --- | --- |",
    )
    rows = (
        f"| {ENGINES[name]} | {_milliseconds(row['starts'])} | {_milliseconds(row['stops'])} "
        f"| {_end(row['ends'], result['limit'])} | {fates(row['fates'])} |"
        for name, row in result["engines"].items()
    )
    versions = " · ".join(f"{name} {text}" for name, text in result["versions"].items())
    return "\n".join((*head, *rows)) + f"\n\n{versions} · {result['cores']} cores.\n"


def _milliseconds(times: list[float]) -> str:
    return f"{median(times) * 1000:.0f} ms"


def _end(ends: list[float | None], limit: float) -> str:
    """Return the median of those that ended, and how many did not."""
    ended = [end for end in ends if end is not None]
    if not ended:
        return f"not within {limit:.0f} s"
    text = f"{median(ended):.2f} s"
    late = len(ends) - len(ended)
    return f"{text}; {late} of {len(ends)} not within {limit:.0f} s" if late else text


def fates(found: list[str]) -> str:
    """Return what became of the jobs, with numbers if it was not always the same."""
    if len(set(found)) == 1:
        return found[0]
    return ", ".join(f"{fate} ({found.count(fate)} of {len(found)})" for fate in sorted(set(found)))
