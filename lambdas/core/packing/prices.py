"""What a vCPU and a MiB are worth, given what can be bought and what is asked for.

If jobs could be poured like water, the cheapest mixture of types that holds a demand is a linear
program with two rows. Its solution needs no solver: draw each type as the vCPUs and MiB that a
dollar buys; the demand is a direction, and the edge of the convex hull that it crosses names the
two types to mix and, as its slope, the shadow prices.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from lambdas.core.packing.model import HostType, Need


class Prices(NamedTuple):
    """Dollars an hour that a thousandth of a vCPU, and a MiB, are worth."""

    milli_vcpu: float
    mib: float

    def worth(self, milli_vcpus: int, memory: int) -> float:
        return self.milli_vcpu * milli_vcpus + self.mib * memory

    def efficiency(self, host: HostType) -> float:
        """What an empty host is worth, by its price: 1 for the best there is, less for the others."""
        return self.worth(host.milli_vcpus, host.memory) / host.price


class Market:
    """The types on offer, ready to price any demand."""

    def __init__(self, types: Iterable[HostType]) -> None:
        points = {(t.milli_vcpus / t.price, t.memory / t.price) for t in types}
        self._edge = _upper_right(sorted(points))

    def prices(self, milli_vcpus: int, memory: int) -> Prices:
        """The shadow prices at this demand; `worth` of the demand is then the floor of its cost."""
        edge = self._edge
        if memory * edge[0][0] >= milli_vcpus * edge[0][1]:
            return Prices(0.0, 1 / edge[0][1])
        for (x1, y1), (x2, y2) in pairwise(edge):
            if memory * x2 >= milli_vcpus * y2:
                area = x1 * y2 - x2 * y1
                return Prices((y2 - y1) / area, (x1 - x2) / area)
        return Prices(1 / edge[-1][0], 0.0)


def _upper_right(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The corners of the hull that a demand can cross, from the most memory to the most vCPUs."""
    edge: list[tuple[float, float]] = []
    for x, y in points:
        while edge and edge[-1][1] <= y:
            edge.pop()
        while len(edge) > 1 and _bends_inward(edge[-2], edge[-1], (x, y)):
            edge.pop()
        edge.append((x, y))
    return edge


def _bends_inward(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) >= (b[1] - a[1]) * (c[0] - a[0])


def undominated(types: Iterable[HostType]) -> list[HostType]:
    """Those that no other type beats or equals in everything, price included; cheapest first."""
    kept: list[HostType] = []
    for host in sorted(types, key=lambda t: (t.price, -t.milli_vcpus, -t.memory, t.name)):
        if not any(other.holds(_all_of(host)) for other in kept):
            kept.append(host)
    return kept


def _all_of(host: HostType) -> Need:
    return Need(host.milli_vcpus, host.memory, host.gpus)
