"""What will happen: one heap of events, by time, then by rank, then in the order of their making."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

Act = Callable[[], object]


class Agenda:
    """Events to come. `done` counts those that have happened."""

    def __init__(self) -> None:
        self.done = 0
        self._heap: list[tuple[int, int, int, Act]] = []
        self._number = count()

    def at(self, when: int, do: Act, rank: int = 0) -> None:
        """Let this happen at `when` (epoch ms); of those at one time the lowest rank goes first."""
        heappush(self._heap, (when, rank, next(self._number), do))

    def next_by(self, end: int) -> int | None:
        """When the next event is due; None when there is none until `end`."""
        return self._heap[0][0] if self._heap and self._heap[0][0] <= end else None

    def take(self) -> Act:
        """Take the next event off, which is to happen now."""
        do = heappop(self._heap)[3]
        self.done += 1
        return do

    def __len__(self) -> int:
        return len(self._heap)
