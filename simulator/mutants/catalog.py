"""Every mutant there is, and the seeds that caught it."""

from __future__ import annotations

from pathlib import Path

from simulator.mutants import of_core, of_services, of_transitions, pairs
from simulator.mutants.mutant import Mutant, Pair

SINGLE: tuple[Mutant, ...] = (*of_transitions.MUTANTS, *of_core.MUTANTS, *of_services.MUTANTS)

#: Taken out alone they change nothing that anybody could notice.
COVERED = frozenset(name for pair in pairs.PAIRS for name in pair.covered) | pairs.ALIKE.keys()

#: What the fault runs must catch: each safeguard that stands alone, and pairs that stand together.
MUTANTS: tuple[Mutant | Pair, ...] = (
    *(mutant for mutant in SINGLE if mutant.name not in COVERED),
    *pairs.PAIRS,
)

_CAUGHT = Path(__file__).parent / "caught.txt"


def named(name: str) -> tuple[Mutant, ...]:
    """The mutant of this name, or the two of a pair. Raises KeyError."""
    single = {mutant.name: mutant for mutant in SINGLE}
    pair = {pair.name: pair for pair in pairs.PAIRS}.get(name)
    return tuple(single[part] for part in pair.of) if pair else (single[name],)


def caught() -> dict[str, int]:
    """A seed for each mutant that was ever caught: it is tried first."""
    lines = _CAUGHT.read_text(encoding="utf-8").splitlines() if _CAUGHT.exists() else []
    told = (line.split() for line in lines if line and not line.startswith("#"))
    return {name: int(seed) for name, seed in told}


def remember(seeds: dict[str, int]) -> None:
    """Keep these seeds for the mutants that there are."""
    known = caught() | seeds
    lines = [f"{mutant.name} {known[mutant.name]}" for mutant in MUTANTS if mutant.name in known]
    head = "# Each mutant and a seed that catches it: `python -m simulator mutants --remember`."
    _CAUGHT.write_text("\n".join((head, *lines, "")), encoding="utf-8")
