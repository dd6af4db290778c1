"""`python -m simulator --seeds N [--first-seed N] [--json]`: fault runs; `replay` shows one again.

python -m simulator --seeds 10000 --json
python -m simulator --replay 4711
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter

from simulator.trial import Trial


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--replay", type=int, metavar="SEED", help="tell one seed's whole story")
    parser.add_argument("--json", action="store_true", help="JSON alone")
    asked = parser.parse_args()
    if asked.replay is not None:
        return _replay(asked.replay)
    return _faults(asked.first_seed, asked.seeds, asked.json)


def _replay(seed: int) -> int:
    trial = Trial(seed).run()
    print(trial.story())
    wrong = trial.verdict()
    print("\n".join(wrong) or f"seed {seed}: nothing is violated")
    return 1 if wrong else 0


def _faults(first: int, seeds: int, quiet: bool) -> int:
    """Run the seeds; the first violation of each bad seed is told at once."""
    began = time.perf_counter()
    violations, sites, crashed = 0, Counter[str](), Counter[tuple[str, str]]()
    for seed in range(first, first + seeds):
        trial = Trial(seed).run()
        wrong = trial.verdict()
        violations += bool(wrong)
        sites.update(trial.faults.calls)
        crashed.update(trial.faults.crashes)
        if wrong:
            print(f"seed {seed}: {wrong[0]}  (--replay {seed})", file=sys.stderr)
    both = [s for s in sites if crashed[s, "crashed_before"] and crashed[s, "crashed_after"]]
    told = {
        "seeds": seeds,
        "violations": violations,
        "call_sites": len(sites),
        "call_sites_crashed": len(both),
        "wall_s": round(time.perf_counter() - began, 1),
    }
    if not quiet:
        for site in sorted(set(sites) - set(both)):
            print(f"never crashed on both sides: {site}", file=sys.stderr)
    print(json.dumps(told))
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
