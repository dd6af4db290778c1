"""The real time and real UUIDs."""

from __future__ import annotations

import time
import uuid


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000


class RandomIds:
    """UUIDs nobody can guess."""

    def uuid(self) -> str:
        return str(uuid.uuid4())
