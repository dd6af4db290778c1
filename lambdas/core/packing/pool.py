"""The jobs that are still to be packed: by vCPUs, and in each class by memory, sorted."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping


class Pool:
    """Jobs of two dimensions, counted by shape (`milli_vcpus`, `memory`)."""

    def __init__(self, jobs: Mapping[tuple[int, int], int]) -> None:
        self.sizes: list[int] = []  #: the classes there are, largest first
        self.milli_vcpus = self.memory = self.jobs = 0
        self._memories: dict[int, list[int]] = {}
        self._counts: dict[tuple[int, int], int] = {}
        for (size, memory), count in sorted(jobs.items()):
            self._memories.setdefault(size, []).append(memory)
            self._counts[size, memory] = count
            self._weigh(size, memory, count)
        self.sizes = sorted(self._memories, reverse=True)

    def __bool__(self) -> bool:
        return self.jobs > 0

    def memories(self, size: int) -> list[int]:
        """Of the jobs of this class, each once, ascending. Not to be changed."""
        return self._memories[size]

    def upto(self, size: int, most: int) -> int | None:
        """The largest memory of this class that is at most so much."""
        memories = self._memories[size]
        at = bisect_right(memories, most)
        return memories[at - 1] if at else None

    def count(self, shape: tuple[int, int]) -> int:
        return self._counts.get(shape, 0)

    def remaining(self) -> dict[tuple[int, int], int]:
        return dict(self._counts)

    def hardest(self, milli_vcpu: float, mib: float) -> tuple[int, int]:
        """The shape that is worth the most at these prices."""
        return max(
            ((size, self._memories[size][-1]) for size in self.sizes),
            key=lambda shape: milli_vcpu * shape[0] + mib * shape[1],
        )

    def take(self, shape: tuple[int, int], count: int = 1) -> None:
        left = self._counts[shape] - count
        if left:
            self._counts[shape] = left
        else:
            self._forget(shape)
        self._weigh(*shape, -count)

    def put(self, shapes: Iterable[tuple[int, int]]) -> None:
        """Give back what was taken."""
        for shape in shapes:
            if shape in self._counts:
                self._counts[shape] += 1
            else:
                self._learn(shape)
            self._weigh(*shape, 1)

    def _learn(self, shape: tuple[int, int]) -> None:
        size, memory = shape
        self._counts[shape] = 1
        if size not in self._memories:
            self._memories[size] = []
            self.sizes = sorted(self._memories, reverse=True)
        memories = self._memories[size]
        memories.insert(bisect_left(memories, memory), memory)

    def _forget(self, shape: tuple[int, int]) -> None:
        size, memory = shape
        del self._counts[shape]
        memories = self._memories[size]
        del memories[bisect_left(memories, memory)]
        if not memories:
            del self._memories[size]
            self.sizes.remove(size)

    def _weigh(self, size: int, memory: int, count: int) -> None:
        self.milli_vcpus += size * count
        self.memory += memory * count
        self.jobs += count
