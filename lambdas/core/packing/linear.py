"""Which patterns to buy, and how many of each: a covering linear program.

Minimise the price of the patterns bought such that every row is covered: row i asks for
`demand[i]` jobs, and a pattern is a host with whole numbers of jobs of some rows. There are too
many patterns to list, so they are made as they are wanted: those worth more than they cost at the
shadow prices found so far (Gilmore and Gomory, 1961). The revised simplex method, with the inverse
of the basis as rows of floats: small on purpose, for some tens of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lambdas.core.packing.model import HostType

TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Pattern:
    """A host with so many jobs of each row: (row, number). Without a host: it only gives away what
    a row has too much of."""

    host: HostType | None
    gives: tuple[tuple[int, int], ...]

    @property
    def price(self) -> float:
        return self.host.price if self.host else 0.0


#: Makes patterns worth buying at these prices a row, the best first; none: the program is solved.
Better = Callable[[Sequence[float]], Iterable[Pattern]]


class Cover:
    """The program. `amounts` are the patterns bought and how many of each, fractions included."""

    def __init__(self, demand: Sequence[int], first: Sequence[Pattern]) -> None:
        """`first` covers row i with its pattern i alone."""
        self._basis = list(first)
        rows = range(len(demand))
        given = [dict(pattern.gives)[row] for row, pattern in enumerate(first)]
        self._inverse = [[1 / given[i] if i == j else 0.0 for j in rows] for i in rows]
        self._amount = [asked / by for asked, by in zip(demand, given, strict=True)]

    @property
    def amounts(self) -> list[tuple[Pattern, float]]:
        return list(zip(self._basis, self._amount, strict=True))

    @property
    def price(self) -> float:
        return sum(pattern.price * amount for pattern, amount in self.amounts)

    def worth(self) -> list[float]:
        """The shadow price of one job of each row."""
        worth = [0.0] * len(self._basis)
        for pattern, row in zip(self._basis, self._inverse, strict=True):
            if price := pattern.price:
                worth = [sum_ + price * entry for sum_, entry in zip(worth, row, strict=True)]
        return worth

    def solve(self, better: Better, most: int) -> None:
        """Buy better patterns until there are none, or `most` were tried."""
        while most > 0:
            worth = self.worth()
            spare = min(range(len(worth)), key=worth.__getitem__)
            patterns = (
                [Pattern(None, ((spare, -1),))] if worth[spare] < -TINY else list(better(worth))
            )
            entered = [self._enter(pattern) for pattern in patterns]
            if not any(entered):
                return
            most -= len(patterns)

    def _enter(self, pattern: Pattern) -> bool:
        """Exchange it for the pattern it drives out; False when it saves nothing."""
        change = [sum(row[i] * number for i, number in pattern.gives) for row in self._inverse]
        replaced = sum(p.price * c for p, c in zip(self._basis, change, strict=True))
        if replaced <= pattern.price + TINY:
            return False
        steps = [
            (max(amount, 0.0) / c, at)
            for at, (amount, c) in enumerate(zip(self._amount, change, strict=True))
            if c > TINY
        ]
        if not steps:
            return False
        self._pivot(min(steps)[1], change)
        self._basis[min(steps)[1]] = pattern
        return True

    def _pivot(self, at: int, change: Sequence[float]) -> None:
        row = self._inverse[at] = [entry / change[at] for entry in self._inverse[at]]
        amount = self._amount[at] = self._amount[at] / change[at]
        for i, factor in enumerate(change):
            if i != at and abs(factor) > 1e-12:
                self._inverse[i] = [
                    entry - factor * entering
                    for entry, entering in zip(self._inverse[i], row, strict=True)
                ]
                self._amount[i] -= factor * amount
