"""Every mutant there is."""

from __future__ import annotations

from simulator.mutants import of_core, of_services, of_transitions
from simulator.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (*of_transitions.MUTANTS, *of_core.MUTANTS, *of_services.MUTANTS)


def named(name: str) -> Mutant:
    """The mutant of this name. Raises KeyError."""
    return {mutant.name: mutant for mutant in MUTANTS}[name]
