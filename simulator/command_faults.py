"""`faults --seeds N`: run so many seeds, on every core, and count what they violate and reach."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from simulator.callsites import named
from simulator.shrink import shrink, told
from simulator.trial import Trial

#: Of so many bad seeds the shrunk plan and the story are told.
TOLD = 3

#: After so many seeds it is told how far the run has come.
TOLD_EVERY = 500

#: Seeds handed to a worker at a time.
CHUNK = 8


def register(subparsers: Any) -> None:
    """Add `faults` to argparse's subparsers."""
    parser = subparsers.add_parser(
        "faults", help="hostile days, one a seed, and the verdict on them"
    )
    parser.add_argument("--seeds", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--first-seed", type=int, default=0, metavar="N")
    parser.add_argument("--stop-at-first", action="store_true", help="end at the first bad seed")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--json", action="store_true", help="JSON alone")
    parser.set_defaults(run=run)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one seed showed: its violations, and the call sites it reached and crashed at."""

    seed: int
    violations: tuple[str, ...]
    calls: Counter[str]
    crashes: Counter[tuple[str, str]]


@dataclass(slots=True)
class Tally:
    """What all seeds showed together."""

    seeds: int = 0
    violations: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    crashes: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        self.seeds += 1
        self.violations += bool(verdict.violations)
        self.calls.update(verdict.calls)
        self.crashes.update(verdict.crashes)

    def crashed(self) -> set[str]:
        """The call sites that an invocation died at on both sides."""
        before = {site for site, side in self.crashes if side == "crashed_before"}
        return before & {site for site, side in self.crashes if side == "crashed_after"}


def run(asked: argparse.Namespace) -> int:
    """1 when any seed violates an invariant, else 0."""
    began, tally = time.perf_counter(), Tally()
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    with _judged(seeds, asked.workers) as verdicts:
        for verdict in verdicts:
            tally.add(verdict)
            if not asked.json and tally.seeds % TOLD_EVERY == 0:
                spent = time.perf_counter() - began
                print(f"{tally.seeds:,} of {asked.seeds:,} in {spent:.0f} s", file=sys.stderr)
            if verdict.violations:
                print(f"seed {verdict.seed}: {verdict.violations[0]}", file=sys.stderr)
                if asked.stop_at_first:
                    break
                if not asked.json and tally.violations <= TOLD:
                    print(told(shrink(verdict.seed)), file=sys.stderr)
    if not asked.json:
        _tell(tally, time.perf_counter() - began)
    print(json.dumps(_figures(tally, time.perf_counter() - began)))
    return 1 if tally.violations else 0


def judge(seed: int) -> Verdict:
    """Live through one seed's day."""
    trial = Trial(seed).run()
    faults = trial.faults
    return Verdict(seed, tuple(trial.verdict()), faults.calls, faults.crashes)


@contextmanager
def _judged(seeds: range, workers: int) -> Iterator[Iterator[Verdict]]:
    """The verdicts, in the order of the seeds; what runs still at the end is given up."""
    if workers <= 1:
        yield map(judge, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield pool.imap(judge, seeds, CHUNK)


def _figures(tally: Tally, wall_s: float) -> dict[str, object]:
    return {
        "seeds": tally.seeds,
        "violations": tally.violations,
        "call_sites": len(named()),
        "call_sites_crashed": len(tally.crashed()),
        "wall_s": round(wall_s, 1),
    }


def _tell(tally: Tally, wall_s: float) -> None:
    """How fast, and each call site of the services: reached, and died at, how often."""
    rate = tally.seeds / max(wall_s, 0.001)
    print(f"{tally.seeds:,} seeds, {rate:.1f} a second, {tally.violations} violations\n")
    print(f"{'call site':<58}{'calls':>10}{'died before':>12}{'after':>8}")
    for site in sorted(named()):
        before, after = (tally.crashes[site, f"crashed_{side}"] for side in ("before", "after"))
        lacks = "" if before and after else "  ←"
        print(f"{site:<58}{tally.calls[site]:>10,}{before:>12,}{after:>8,}{lacks}")
    print()
