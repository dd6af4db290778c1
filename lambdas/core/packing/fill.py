"""Fill one host: the large first and what is left balanced, then the best end.

While a host has much room, jobs are taken from the largest class down, and of each class the one
with the most memory that leaves the rest of the host in a ratio of memory to vCPUs that the rest
of the jobs can fill. The last few jobs are chosen together, by search.
"""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.core.packing.pool import Pool
from lambdas.core.packing.prices import Prices

Shape = tuple[int, int]

#: A host of which so much is in use need not be improved.
FULL = 0.997


@dataclass(frozen=True, slots=True)
class Manner:
    """How hosts are filled. `spread` says how far the ratio of memory to vCPUs of what is left free
    may stray from what the pool and the host are like; with `hardest_first` the job that is worth
    the most leads, whatever its ratio; `ahead` is how many jobs the search at the end looks ahead."""

    spread: float
    hardest_first: bool = False
    ahead: int = 2

    def told(self) -> str:
        return f"spread {self.spread:g}" + (", hardest first" if self.hardest_first else "")


def fill(pool: Pool, room: tuple[int, int], prices: Prices, manner: Manner) -> list[Shape]:
    """The jobs for a host with this room (thousandths of a vCPU, MiB), taken out of the pool."""
    vcpus, memory = room
    taken: list[Shape] = []
    if not pool or vcpus <= 0 or memory <= 0:
        return taken
    low, high = _ratios(pool, memory / vcpus, manner.spread)
    search_below = max(2 * pool.milli_vcpus // pool.jobs, 3 * pool.sizes[-1])
    chosen = _leader(pool, prices, room) if manner.hardest_first else ()
    while True:
        for shape in chosen:
            if pool.count(shape):
                pool.take(shape)
                taken.append(shape)
                vcpus, memory = vcpus - shape[0], memory - shape[1]
        if not pool or vcpus <= 0 or memory <= 0:
            return taken
        large = _large(pool, vcpus, memory, low, high) if vcpus > search_below else None
        chosen = (large,) if large else _last(pool, vcpus, memory, prices, manner.ahead)[1]
        if not chosen:
            return taken


def _leader(pool: Pool, prices: Prices, room: tuple[int, int]) -> tuple[Shape, ...]:
    shape = pool.hardest(*prices)
    return (shape,) if shape[0] <= room[0] and shape[1] <= room[1] else ()


def _ratios(pool: Pool, ratio: float, spread: float) -> tuple[float, float]:
    usual = pool.memory / pool.milli_vcpus
    return min(ratio, usual) * (1 - spread), max(ratio, usual) * (1 + spread)


def _large(pool: Pool, vcpus: int, memory: int, low: float, high: float) -> Shape | None:
    """The largest job after which the rest of the host is still easy to fill."""
    for size in pool.sizes:
        left = vcpus - size
        if left < 0:
            continue
        found = pool.upto(size, int(min(memory, memory - low * left)))
        if found is not None and found >= memory - high * left:
            return size, found
    return None


def _last(
    pool: Pool, vcpus: int, memory: int, prices: Prices, depth: int
) -> tuple[float, tuple[Shape, ...]]:
    """At most `depth` jobs that together are worth the most of what is free, and their worth."""
    best: tuple[float, tuple[Shape, ...]] = (0.0, ())
    enough = prices.worth(vcpus, memory) * FULL
    for size in pool.sizes:
        if size > vcpus:
            continue
        for found in _tries(pool, size, vcpus, memory, depth):
            worth = prices.worth(size, found)
            rest: tuple[Shape, ...] = ()
            if depth > 1 and vcpus > size and memory > found:
                more, rest = _last(pool, vcpus - size, memory - found, prices, depth - 1)
                worth += more
            if worth > best[0]:
                best = (worth, ((size, found), *rest))
                if worth > enough:
                    return best
    return best


def _tries(pool: Pool, size: int, vcpus: int, memory: int, depth: int) -> list[int]:
    """Memories of one class worth a look: the most that fits, what keeps the balance, the least."""
    most = pool.upto(size, memory)
    if most is None:
        return []
    tries = [most]
    if depth > 1:
        balanced = pool.upto(size, memory * size // vcpus)
        least = pool.memories(size)[0]
        tries += [found for found in (balanced, least) if found is not None and found < tries[-1]]
    return tries
