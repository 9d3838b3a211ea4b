"""Give the command hostile reports, settings, requests, headers, documents and app output.

    nox -s fuzz -- [N] [--seed SEED] [--only NUMBER] [--seconds S]

No input may bring a traceback, a hang, a leftover or a leak. Each comes from the seed and its
number alone, so ``--only`` repeats one and shows what it printed. Every tenth checks a real app.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tools.fuzz.kinds import KINDS
from tools.fuzz.ran import Ran, TooLong, limited
from tools.fuzz.served import served
from tools.tool import run_tool

if TYPE_CHECKING:
    from collections.abc import Sequence

_EVERY: Final = 10  # inputs, of which one has a real server


def main(argv: Sequence[str] | None = None, *, servers: bool = True) -> int:
    """Run the inputs; return 0 if all rules held, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("number", nargs="?", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only", type=int)
    parser.add_argument("--seconds", type=float, default=170.0, help="start no input after these")
    args = parser.parse_args(argv)
    os.environ.pop("GITHUB_STEP_SUMMARY", None)  # the page of a job is not for hostile reports
    seed = time.time_ns() % 2**32 if args.seed is None else args.seed
    numbers = range(args.number) if args.only is None else [args.only]
    print(f"seed {seed}", flush=True)
    began, ran, bad = time.monotonic(), Counter[str](), 0
    for number in numbers:
        if time.monotonic() - began > args.seconds:
            print(f"the time is over: {sum(ran.values())} of {args.number} inputs were run")
            break
        name, found = one(seed, number, servers=servers)
        ran[name] += 1
        if found.broken or args.only is not None:
            bad += bool(found.broken)
            print(f"{number} {name}: {'; '.join(found.broken) or 'all rules held'}\n{found.said}")
    kinds = ", ".join(f"{count} {name}" for name, count in ran.items())
    print(f"{sum(ran.values())} inputs in {time.monotonic() - began:.0f} s ({kinds}), {bad} bad")
    return 1 if bad else 0


def one(seed: int, number: int, *, servers: bool = True) -> tuple[str, Ran]:
    """Run input *number* in a folder of its own; return the name of its kind, and what it gave."""
    rng = random.Random(f"{seed}:{number}")  # noqa: S311 (it has to repeat itself)
    kinds = dict(KINDS)
    name = rng.choice(list(kinds))
    if servers and number % _EVERY == _EVERY - 1:
        name, kinds["served"] = "served", served
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            with limited():
                return name, kinds[name](rng, Path(folder))
        except TooLong:
            return name, Ran(broken=["it took too long"])
        except Exception as error:  # noqa: BLE001 (whatever it is, it is what is searched for)
            return name, Ran(broken=[f"{type(error).__name__}: {error!s:.300}"])
        finally:
            os.chdir(before)


if __name__ == "__main__":
    run_tool(main)
