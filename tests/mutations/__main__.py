"""``make mutations``: all mutants of all designs, or some; says which survive, and why those are no errors.

Ends with 1 where a mutant survives that is not named in ``survivors.py``, or one that is named there is killed.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from .designs import DESIGNS
from .mutate import tried


def main():
    """Try them, two designs at a time, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__.splitlines()[0])
    parser.add_argument("designs", nargs="*", metavar="DESIGN", help=f"of {', '.join(DESIGNS)}; default: all")
    parser.add_argument("--share", type=float, default=1.0, help="try this fraction of the mutants (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="which of them, where not all are tried (default: 0)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    options = parser.parse_args()
    total = survivors = unnamed = 0
    with ProcessPoolExecutor(options.workers, get_context("spawn")) as pool:
        runs = [pool.submit(tried, name, options.share, options.seed) for name in options.designs or DESIGNS]
        for run in as_completed(runs):
            name, there, count, alive, stale, passed_over, seconds = run.result()
            print(f"{name}: {count} of {there} mutants, {count - len(alive)} killed, {seconds:.0f} s", flush=True)
            by_reason = {}
            for mutant, why in alive:
                by_reason.setdefault(why, []).append(mutant)
            for why, mutants in sorted(by_reason.items(), key=lambda item: item[0] or ""):
                print(f"  {len(mutants)} {f'the same core: {why}' if why else 'NOT NAMED'}")
                for mutant in mutants:
                    print(f"    {mutant}")
            for line in passed_over:
                print(f"  no mutants of {line}")
            for line in stale:
                print(f"  NOT TRUE {line}")
            total, survivors = total + count, survivors + len(alive)
            unnamed += len(by_reason.get(None, [])) + len(stale)
    print(f"{total} mutants, {total - survivors} killed, {survivors} survive, {unnamed} of them without a true reason")
    return 1 if unnamed else 0


if __name__ == "__main__":
    sys.exit(main())
