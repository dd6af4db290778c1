"""What happens by chance, from a seed: every decision has an address of its own.

An address is a place (where in the world the decision is taken) and a number (the n-th time there).
Each place draws from a stream of its own, so that a decision does not move when others are
suppressed: that is how a plan is shrunk (`simulator.shrink`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple


class Fault(NamedTuple):
    """One thing that went wrong: what, where, and the how manieth time that place was reached."""

    kind: str
    place: str
    nth: int


#: What may go wrong: single faults, and whole kinds of them.
Only = Collection[Fault | str]


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that happened, and when (epoch ms)."""

    when: int
    fault: Fault


class Chance:
    """The decisions of one run. `struck` is what went wrong, in order.

    With `only` (faults, or their kinds) everything else that would have gone wrong does not.
    """

    def __init__(self, seed: int, only: Only | None = None) -> None:
        self.seed = seed
        self.now: Callable[[], int] = lambda: 0
        self._only = None if only is None else frozenset(only)
        self._struck: list[tuple[int, str, str, int]] = []

    @property
    def struck(self) -> list[Struck]:
        return [Struck(when, Fault(*fault)) for when, *fault in self._struck]  # type: ignore[arg-type]

    def stream(self, place: str) -> Stream:
        """The decisions of one place."""
        return Stream(self, place)

    def allows(self, kind: str, place: str, nth: int) -> bool:
        """Note that this strikes; False when it is suppressed."""
        if self._only is not None and not {kind, (kind, place, nth)} & self._only:
            return False
        self._struck.append((self.now(), kind, place, nth))
        return True


class Stream:
    """One place: a number from [0, 1) for each time it is reached."""

    __slots__ = ("_chance", "_random", "nth", "place")

    def __init__(self, chance: Chance, place: str) -> None:
        self.place = place
        self.nth = 0
        self._chance = chance
        self._random = random.Random(f"{chance.seed} {place}").random

    def draw(self) -> float:
        self.nth += 1
        return self._random()

    def strikes(self, kind: str) -> bool:
        """What was drawn last strikes, unless it is suppressed."""
        return self._chance.allows(kind, self.place, self.nth)
