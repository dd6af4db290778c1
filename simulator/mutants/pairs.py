"""Safeguards that cover each other: one may go unnoticed, both may not."""

from __future__ import annotations

from simulator.mutants.mutant import Pair

PAIRS: tuple[Pair, ...] = ()
