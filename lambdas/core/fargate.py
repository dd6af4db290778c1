"""Fargate's sizes: the pairs of CPU and memory that a task can have, and the smallest that holds a job.

Source: AWS Batch's own table of VCPU and MEMORY for Fargate (botocore's model, ResourceRequirement).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

#: Ephemeral disk of a Fargate task, GiB: what every task has, and what may be asked for instead.
DISK_DEFAULT = 20
DISK_MIN = 21
DISK_MAX = 200


@dataclass(frozen=True, slots=True, order=True)
class FargateSize:
    """A size that Fargate offers."""

    milli_vcpus: int
    memory_mib: int

    @property
    def cpu(self) -> str:
        """ECS's CPU units (1,024 a vCPU), as RunTask wants them: text."""
        return str(self.milli_vcpus * 1024 // 1000)

    @property
    def memory(self) -> str:
        """MiB, as RunTask wants them: text."""
        return str(self.memory_mib)


#: MiB of memory that go with each CPU size (milli-vCPUs), both ascending.
MEMORIES: Mapping[int, tuple[int, ...]] = {
    250: (512, 1024, 2048),
    500: (1024, 2048, 3072, 4096),
    1000: tuple(range(2048, 8192 + 1, 1024)),
    2000: tuple(range(4096, 16384 + 1, 1024)),
    4000: tuple(range(8192, 30720 + 1, 1024)),
    8000: tuple(range(16384, 61440 + 1, 4096)),
    16000: tuple(range(32768, 122880 + 1, 8192)),
    32000: (61440, 122880, 249856),
}

#: Every size, the fewest vCPUs first, then the least memory.
SIZES: tuple[FargateSize, ...] = tuple(
    FargateSize(cpu, memory) for cpu, memories in MEMORIES.items() for memory in memories
)

_MOST_CPU = max(MEMORIES)
_MOST_MEMORY = max(size.memory_mib for size in SIZES)


@lru_cache(4096)
def size_for(milli_vcpus: int, memory_mib: int) -> FargateSize | None:
    """The smallest size that holds the request, the fewest vCPUs first; None when none does.

    vCPUs come first because they are what an environment's maximum counts and what costs most.
    """
    for cpu, memories in MEMORIES.items():
        if cpu >= milli_vcpus and memories[-1] >= memory_mib:
            return FargateSize(cpu, memories[bisect_left(memories, memory_mib)])
    return None


def explain_misfit(milli_vcpus: int, memory_mib: int) -> str:
    """Why no size holds the request, in one clause with numbers; "" when one does."""
    if size_for(milli_vcpus, memory_mib):
        return ""
    parts = []
    if milli_vcpus > _MOST_CPU:
        parts.append(f"{milli_vcpus / 1000:g} vCPU (the largest size has {_MOST_CPU / 1000:g})")
    if memory_mib > _MOST_MEMORY:
        parts.append(f"{memory_mib:,} MiB of memory (the largest size has {_MOST_MEMORY:,})")
    return f"no Fargate size holds {' and '.join(parts)}"
