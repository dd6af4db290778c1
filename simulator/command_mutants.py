"""`mutants`: take out one safeguard of the product at a time; the fault runs must notice each."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from simulator.mutants.catalog import MUTANTS, SINGLE, caught, remember
from simulator.mutants.mutant import ROOT, Mutant, Pair
from simulator.mutants.pairs import ALIKE

#: Within so many seeds every mutant must be caught.
SEEDS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of one mutant: the first seed that caught it and what was violated there; None
    when it lived, or (`error`) when it could not be run."""

    name: str
    seed: int | None = None
    violation: str | None = None
    cpu_s: float = 0.0
    error: str | None = None

    @property
    def by(self) -> str:
        """The invariant that caught it."""
        if self.error or self.violation is None:
            return self.error or "SURVIVES"
        return self.violation.removeprefix("calm: ").split(":")[0]


def register(subparsers: Any) -> None:
    """Add `mutants` to argparse's subparsers."""
    parser = subparsers.add_parser(
        "mutants", help="take out one safeguard at a time: the fault runs must notice"
    )
    parser.add_argument("--only", action="append", metavar="NAME", help="this one (repeatable)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"at most (default {SEEDS})")
    parser.add_argument("--first-seed", type=int, default=0, metavar="N")
    parser.add_argument("--fresh", action="store_true", help="known seeds are not tried first")
    parser.add_argument("--remember", action="store_true", help="keep the seeds that caught")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--list", action="store_true", help="what each takes out, and why")
    parser.add_argument("--json", action="store_true", help="JSON alone")
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """1 when a mutant survives or can not be run, else 0."""
    mutants = _asked_for(asked.only)
    if asked.list:
        print("\n".join(_told(mutant) for mutant in mutants))
        return 0
    began = time.perf_counter()
    fates = []
    known = {} if asked.fresh else caught()
    for fate in _fates(mutants, asked.first_seed, asked.seeds, asked.workers, known):
        fates.append(fate)
        if asked.remember and fate.seed is not None:
            remember({fate.name: fate.seed})
        if not asked.json:
            print(_row(fate), flush=True)
    alive = [fate.name for fate in fates if fate.seed is None]
    figures = {
        "mutants": len(fates),
        "alike": len(ALIKE),
        "survive": alive,
        "latest_seed": max((fate.seed or 0 for fate in fates), default=0),
        "wall_s": round(time.perf_counter() - began, 1),
    }
    details = {"fates": [asdict(fate) for fate in fates]} if asked.json else {}
    print(json.dumps(figures | details))
    return 1 if alive or not fates else 0


def _asked_for(names: Sequence[str] | None) -> list[Mutant | Pair]:
    """All, or those that are named: also such as are covered by others."""
    if not names:
        return list(MUTANTS)
    known = {mutant.name: mutant for mutant in (*MUTANTS, *SINGLE)}
    return [known[name] for name in names]


def _fates(
    mutants: Sequence[Mutant | Pair], first: int, seeds: int, workers: int, known: Mapping[str, int]
) -> Iterator[Fate]:
    """Every mutant's fate in order, each found in a process of its own."""

    def fate(mutant: Mutant | Pair) -> Fate:
        return fate_of(
            mutant.name, first, seeds, *(known[name] for name in (mutant.name,) if name in known)
        )

    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(fate, mutants)


def fate_of(mutant: str, first: int = 0, seeds: int = SEEDS, *tried_first: int) -> Fate:
    """Run the faults with this mutant, or pair, until a seed catches it."""
    words = ["-m", "simulator.mutants.child", mutant, *map(str, (first, seeds, *tried_first))]
    child = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if child.returncode:
        last = (child.stderr.strip().splitlines() or ["no output"])[-1]
        return Fate(name=mutant, error=f"not run: {last}")
    return Fate(**json.loads(child.stdout))


def _row(fate: Fate) -> str:
    seed = "" if fate.seed is None else f"seed {fate.seed}"
    return f"{fate.name:<38} {seed:>9} {fate.cpu_s:>7.1f} s  {fate.by:<4} {fate.violation or ''}"


def _told(mutant: Mutant | Pair) -> str:
    if isinstance(mutant, Pair):
        return f"{mutant.name} ({' and '.join(mutant.of)})\n    {mutant.why}"
    return f"{mutant.name} ({mutant.path}; {', '.join(mutant.by)})\n    {mutant.guards}"
