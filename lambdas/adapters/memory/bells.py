"""The bell queue in memory: first in, first out, and the same message within 5 minutes is one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from lambdas.adapters.meter import Meter
from lambdas.core.ports import Clock

#: SQS FIFO's deduplication interval (ms).
DEDUPLICATION = 5 * 60_000


class MemoryBells:
    """Bells that were rung and not yet taken. `on_ring` hears of every new message."""

    def __init__(self, clock: Clock, meter: Meter | None = None) -> None:
        self._clock = clock
        self._meter = meter
        self._rung: deque[tuple[str, int]] = deque()
        self._recent: dict[tuple[str, int], int] = {}  #: oldest first
        self.on_ring: Callable[[], None] = lambda: None

    def ring(self, cell: str, number: int) -> None:
        now = self._clock.now()
        if self._meter:
            self._meter.count("sqs", "SendMessage")
        self._forget(now)
        if (cell, number) not in self._recent:
            self._recent[cell, number] = now
            self._rung.append((cell, number))
            self.on_ring()

    def take(self) -> tuple[str, int] | None:
        """The oldest bell, as cell and number; None when all is quiet."""
        return self._rung.popleft() if self._rung else None

    def _forget(self, now: int) -> None:
        """Numbers whose interval has passed are new again."""
        while self._recent:
            oldest = next(iter(self._recent))
            if now - self._recent[oldest] < DEDUPLICATION:
                return
            del self._recent[oldest]

    def __len__(self) -> int:
        return len(self._rung)
