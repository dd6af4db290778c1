"""Jobs of nearly one shape, taken together: the rows of the linear program."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

from lambdas.core.packing.fill import Shape


class Cluster:
    """Jobs of one class of vCPUs and of neighbouring memories; `memory` is their mean."""

    def __init__(self, size: int, memories: Sequence[tuple[int, int]]) -> None:
        """`memories`: (MiB, how many jobs), ascending."""
        self.size = size
        self.jobs = sum(count for _, count in memories)
        self.memory = -(-sum(mib * count for mib, count in memories) // self.jobs)
        self._mibs = [mib for mib, _ in memories]
        self._counts = [count for _, count in memories]

    @property
    def stray(self) -> int:
        """How far the memories are from their mean, all jobs together (MiB)."""
        pairs = zip(self._mibs, self._counts, strict=True)
        return sum(abs(mib - self.memory) * count for mib, count in pairs)

    def halves(self) -> tuple[Cluster, Cluster]:
        """Below the mean, and above."""
        pairs = list(zip(self._mibs, self._counts, strict=True))
        at = min(max(1, bisect_right(self._mibs, self.memory)), len(pairs) - 1)
        return Cluster(self.size, pairs[:at]), Cluster(self.size, pairs[at:])

    def take(self, most: int, near: int) -> int | None:
        """Take the job with the most memory up to `near` MiB, else the least there is; None when
        nothing is left or it needs more than `most`."""
        if not self._mibs:
            return None
        at = max(0, bisect_right(self._mibs, min(most, near)) - 1)
        mib = self._mibs[at]
        if mib > most:
            return None
        self._counts[at] -= 1
        if not self._counts[at]:
            del self._mibs[at], self._counts[at]
        return mib

    def remaining(self) -> dict[Shape, int]:
        return {(self.size, mib): n for mib, n in zip(self._mibs, self._counts, strict=True)}


def clusters(jobs: Mapping[Shape, int], most: int) -> list[Cluster]:
    """At most `most` clusters (more only if there are more classes): the widest are halved first."""
    by_size: dict[int, list[tuple[int, int]]] = {}
    for (size, memory), count in sorted(jobs.items()):
        by_size.setdefault(size, []).append((memory, count))
    found = [Cluster(size, memories) for size, memories in by_size.items()]
    widest = [(-cluster.stray, at, cluster) for at, cluster in enumerate(found)]
    heapify(widest)
    number = len(widest)
    while len(widest) < most and widest[0][0] < 0:
        for half in heappop(widest)[2].halves():
            number += 1
            heappush(widest, (-half.stray, number, half))
    return [cluster for _, _, cluster in sorted(widest, key=lambda entry: entry[1])]
