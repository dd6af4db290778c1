"""What a job needs of a host, reduced to the numbers that decide where it fits.

Identical shapes are one decision: planning costs grow with shapes, not with jobs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True, order=True)
class Shape:
    """milli-vCPUs, MiB of memory, GPUs and GiB of disk on one platform and architecture."""

    platform: str  #: FARGATE or EC2
    architecture: str  #: X86_64 or ARM64
    milli_vcpus: int
    memory: int
    gpus: int = 0
    disk: int = 0  #: 0: the platform's own default

    @property
    def key(self) -> str:
        """The shape as text, for items and lanes; `Shape.parse` reads it back."""
        return (
            f"{self.platform}/{self.architecture}/{self.milli_vcpus}"
            f"/{self.memory}/{self.gpus}/{self.disk}"
        )

    @staticmethod
    @lru_cache(4096)
    def parse(key: str) -> Shape:
        """The shape that `key` was made of. Raises ValueError for what is none."""
        platform, architecture, milli_vcpus, memory, gpus, disk = key.split("/")
        return Shape(platform, architecture, int(milli_vcpus), int(memory), int(gpus), int(disk))

    def told(self) -> str:
        """The shape as a person says it: "0.25 vCPU, 512 MiB"."""
        parts = [f"{self.milli_vcpus / 1000:g} vCPU", f"{self.memory:,} MiB"]
        if self.gpus:
            parts.append(f"{self.gpus} GPU")
        if self.disk:
            parts.append(f"{self.disk} GiB disk")
        return ", ".join(parts)
