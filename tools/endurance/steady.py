"""Repeat all windows and count the outcomes: do they stay the same, on a busy machine too?

``nox -s steady -- 20 fastapi --busy 2`` runs a column twenty times while two processes are busy;
``-k queued`` takes the cases of one remedy, and those that end servers too.
"""

from __future__ import annotations

import argparse
from collections import Counter

from asgi_liveness.conformance import known
from asgi_liveness.conformance.cases import choose_cases
from asgi_liveness.conformance.contract import State
from asgi_liveness.conformance.promises import lacking
from asgi_liveness.conformance.report import ConformanceReport
from asgi_liveness.conformance.runner import Runner
from asgi_liveness.probing.response import lateness
from asgi_liveness.serving.servers import choose_servers
from asgi_liveness.serving.worker import worker_command
from tools.comparison import COMPARISON, FRAMEWORKS, known_differences
from tools.endurance.busy import busy
from tools.tool import run_tool


def main() -> int:
    """Print a line for each run and the sums; return 0 if no outcome was a failure."""
    parser = argparse.ArgumentParser(prog="nox -s steady --", description=__doc__)
    parser.add_argument("runs", type=int)
    parser.add_argument(
        "framework", nargs="*", help=f"one of {', '.join(FRAMEWORKS)}; default: all"
    )
    parser.add_argument(
        "--busy", type=int, default=0, metavar="N", help="processes that keep the machine busy"
    )
    parser.add_argument("-k", metavar="TEXT", help="only cases with TEXT in their id or name")
    args = parser.parse_args()
    if unknown := set(args.framework) - FRAMEWORKS.keys():
        parser.error(f"there is no column {min(unknown)!r}; there are {', '.join(FRAMEWORKS)}")
    targets = [FRAMEWORKS[name] for name in args.framework or FRAMEWORKS]

    outcomes: Counter[str] = Counter()
    code, wait, late, others = 0, 0.0, 0.0, 0.0
    with busy(args.busy):
        for number in range(1, args.runs + 1):
            report, run_late, run_others = once(targets, args.k)
            outcomes += report.verdicts
            code = max(code, report.exit_code)
            alive = [row.longest_wait for row in report.windows if row.must_be == State.ALIVE]
            wait, late = max([wait, *alive]), max(late, run_late)
            others = max(others, run_others)
            print(f"{number:>3}: {counted(report.verdicts)}", flush=True)
            for cell in report.cells:
                if cell.verdict not in ("passed", "differs", "recorded"):
                    print(f"     {cell.target} on {cell.server}: {cell.verdict}: {cell.message}")
    print(
        f"{outcomes.total()} outcomes in {args.runs} runs while {args.busy} processes were busy: "
        f"{counted(outcomes)}; the longest wait for a response that must come was "
        f"{wait * 1000:.0f} ms; the prober was late by at most {late * 1000:.0f} ms; while ratios "
        f"of times were measured, other processes used at most {others:.2f} processors"
    )
    return code


def counted(outcomes: Counter[str]) -> str:
    """Return the counts in words."""
    return ", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common())


def once(targets: list[str], text: str | None) -> tuple[ConformanceReport, float, float]:
    """Run the comparison once; return the report, the latest probe's lateness, and others' use."""
    differences = [row for file in known_differences() for row in known.load(file, targets)]
    servers = choose_servers(COMPARISON["servers"])
    lacks = lacking(has=COMPARISON["remedies"].split(","))
    worker = worker_command(COMPARISON["worker"])
    cases = choose_cases(text)
    with Runner(targets, servers, cases, differences, lacks=lacks, worker=worker) as runner:
        runner.judge_together(runner.cells)
        for cell in runner.cells:
            runner.judge(cell)
        subjects = runner.subjects.values()
        observations = [row for subject in subjects for row in subject.observations.values()]
        late = max((lateness(row.probes) for row in observations), default=0.0)
        compared = {row for case in cases if case.compares_times for row in case.experiments}
        others = max((row.others for row in observations if row.window in compared), default=0.0)
        return ConformanceReport.of(runner), late, others


if __name__ == "__main__":
    run_tool(main)
