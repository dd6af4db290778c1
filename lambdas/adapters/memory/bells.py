"""The bell queue in memory: first in, first out, and the same message within 5 minutes is one."""

from __future__ import annotations

from collections import deque

from lambdas.adapters.meter import Meter
from lambdas.core.ports import Clock

#: SQS FIFO's deduplication interval (ms).
DEDUPLICATION = 5 * 60_000


class MemoryBells:
    """Bells that were rung and not yet taken."""

    def __init__(self, clock: Clock, meter: Meter | None = None) -> None:
        self._clock = clock
        self._meter = meter
        self._rung: deque[tuple[str, int]] = deque()
        self._recent: dict[tuple[str, int], int] = {}

    def ring(self, cell: str, number: int) -> None:
        now = self._clock.now()
        if self._meter:
            self._meter.count("sqs", "SendMessage")
        before = self._recent.get((cell, number))
        if before is None or now - before >= DEDUPLICATION:
            self._recent = {key: at for key, at in self._recent.items() if now - at < DEDUPLICATION}
            self._recent[(cell, number)] = now
            self._rung.append((cell, number))

    def take(self) -> tuple[str, int] | None:
        """The oldest bell, as cell and number; None when all is quiet."""
        return self._rung.popleft() if self._rung else None

    def __len__(self) -> int:
        return len(self._rung)
