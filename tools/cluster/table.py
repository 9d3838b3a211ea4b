"""The tables of what ``nox -s cluster -- --measure`` recorded.

The rule: a number is a median, and behind it stands the range of all that were measured.
"""

from __future__ import annotations

import statistics
from typing import Any, Final

TIMES: Final = ("post", "start", "answer", "stop", "list")
"""What is measured of each job that is stopped, in the order of the columns."""


def tables(result: dict[str, Any]) -> str:
    """Return the rates and the waits as two tables, and how they were measured."""
    rates = [
        f"| {row['queue']} | {row['workers']} | {_span(row['posted'])} | {_span(row['ran'])} |"
        for row in result["rates"]
    ]
    waits = [
        f"| {row['queue']} | {row['waiting']:,} | {row['workers']} | "
        + " | ".join(_span(row[key], 1000) for key in TIMES)
        + " |"
        for row in result["waits"]
    ]
    about, on = result["design"], result["platform"]
    how = (
        f"Each number is a median, with the range. A worker has {about['threads']} threads; "
        f"{about['webs']} web servers, the clients, the queue and all workers share {on['cores']} "
        f"cores. huey {on['huey']} · Redis {on['redis']} · Python {on['python']}."
    )
    lines = [
        "| queue | workers | posted, jobs/s | run, jobs/s |",
        "| --- | --- | --- | --- |",
        *rates,
        "",
        "| queue | waiting | workers | POST, ms | start, ms | DELETE, ms | stop, ms | list, ms |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *waits,
        "",
        how,
    ]
    return "\n".join(lines) + "\n"


def _span(numbers: list[float], scale: float = 1) -> str:
    low, middle, high = min(numbers), statistics.median(numbers), max(numbers)
    return f"{middle * scale:,.0f} ({low * scale:,.0f} to {high * scale:,.0f})"
