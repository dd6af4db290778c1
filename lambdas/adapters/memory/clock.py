"""Time and ids that a test or a simulation decides."""

from __future__ import annotations

import random
import uuid

#: 2026-01-01T00:00:00Z
EPOCH = 1_767_225_600_000


class VirtualClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self, start: int = EPOCH) -> None:
        self._now = start

    def now(self) -> int:
        return self._now

    def advance(self, milliseconds: int) -> int:
        """Move on, and return the new time. Time never runs backwards."""
        if milliseconds < 0:
            raise ValueError(f"advance by {milliseconds} ms: time does not run backwards")
        self._now += milliseconds
        return self._now


class SeededIds:
    """The same UUIDs for the same seed."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
