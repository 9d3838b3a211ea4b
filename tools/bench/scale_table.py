"""The tables of how costs grow, made from their JSON. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NONE: Final = "–"
WATCHED: Final = (
    "`asgi-liveness watch -- uvicorn --workers N`, all idle, in ms of a processor for each second:"
)
SIZE: Final = {"threads": "threads", "depth": "frames each", "tasks": "tasks"}
SAMPLES: Final = {
    **SIZE,
    "stack": "one stack",
    "all_threads": "all threads",
    "all_tasks": "all tasks",
    "as_json": "as JSON",
    "kb": "KB of JSON",
    "dump": "py-spy",
}
IDLE: Final = {
    **SIZE,
    "alone": "not watched",
    "heartbeat": "with a heartbeat",
    "watched": "under `watch`",
    "watch": "`watch` itself",
}
WORKERS: Final = {
    "workers": "workers",
    "watch": "`watch`",
    "keeper": "its keeper",
    "servers": "uvicorn, all processes",
}
MATRIX: Final = {
    "frameworks": "frameworks",
    "servers": "servers",
    "verdicts": "verdicts",
    "wall": "wall",
    "starts": "starts",
    "windows": "windows",
}
"""The columns of each table: the keys of its rows, and their heads."""


def tables(result: Mapping[str, Any], whole: Mapping[str, float] | None = None) -> str:
    """Return the four tables, and a line on the machine and the versions.

    *whole* has the seconds of a whole comparison, by its parts.
    """
    sizes = [{**row, "kb": max(round(row["bytes"] / 1000), 1)} for row in result["sizes"]]
    parts = (
        ("One sample, in ms (medians):", SAMPLES, sizes),
        ("An idle process, in ms of a processor for each second:", IDLE, result["idle"]),
        (WATCHED, WORKERS, result["workers"]),
        ("`asgi-liveness run -k LIVE`, in seconds:", MATRIX, result["matrix"]),
    )
    texts = [f"{title}\n\n{_table(heads, rows)}" for title, heads, rows in parts]
    if whole:
        texts.append(
            f"The recorded comparison, with all cases, took {sum(whole.values()):.0f} s: "
            f"{whole['windows']:.0f} s of windows and {whole['ends']:.0f} s of endings."
        )
    refused = sorted({row["refused"] for row in result["sizes"] if row["dump"] is None})
    notes = [f"{NONE}: {reason}." for reason in refused]
    versions = " · ".join(f"{name} {text}" for name, text in result["versions"].items())
    quick = "A quick run: few repeats. " if result["quick"] else ""
    end = f"{quick}{versions} · Python {result['python']} · {result['system']}."
    return "\n\n".join([*texts, " ".join([*notes, end])]) + "\n"


def _table(heads: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [heads.values(), ["---"] * len(heads)]
    lines += [[_cell(row[key]) for key in heads] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: float | None) -> str:
    """Return a count, or a time with two digits or more."""
    if value is None:
        return NONE
    if isinstance(value, int):
        return f"{value:,}"
    if value >= 10:  # noqa: PLR2004 (two digits)
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"
