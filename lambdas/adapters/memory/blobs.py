"""Large content in memory."""

from __future__ import annotations

from lambdas.adapters.meter import Meter


class MemoryBlobs:
    """A bucket."""

    def __init__(self, meter: Meter | None = None) -> None:
        self.held: dict[str, bytes] = {}
        self._meter = meter

    def put(self, key: str, body: bytes) -> None:
        self._count("PutObject")
        self.held[key] = bytes(body)

    def get(self, key: str) -> bytes:
        self._count("GetObject")
        return self.held[key]

    def _count(self, operation: str) -> None:
        if self._meter:
            self._meter.count("s3", operation)
