"""`replay --seed N`: tell one seed's day again, identically."""

from __future__ import annotations

import argparse
from typing import Any

from simulator.trial import Trial


def register(subparsers: Any) -> None:
    """Add `replay` to argparse's subparsers."""
    parser = subparsers.add_parser("replay", help="tell one seed's whole story again")
    parser.add_argument("--seed", type=int, required=True)
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """1 when the seed violates an invariant, else 0."""
    trial = Trial(asked.seed).run()
    wrong = trial.verdict()
    print(trial.story())
    print("\n".join(wrong) or f"seed {asked.seed}: nothing is violated")
    return 1 if wrong else 0
