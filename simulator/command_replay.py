"""`replay --seed N`: tell one seed's day again, identically, and of a bad one only what is needed."""

from __future__ import annotations

import argparse
from typing import Any

from simulator.shrink import shrink, told


def register(subparsers: Any) -> None:
    """Add `replay` to argparse's subparsers."""
    parser = subparsers.add_parser("replay", help="tell one seed's whole story again")
    parser.add_argument("--seed", type=int, required=True)
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """1 when the seed violates an invariant, else 0."""
    trial = shrink(asked.seed)
    print(told(trial))
    return 1 if trial.verdict() else 0
