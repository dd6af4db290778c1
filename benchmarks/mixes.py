"""Jobs of our making, for measuring how they are packed. Every mix is drawn from its seed alone."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Mapping

from lambdas.core.packing import Need

Mix = Callable[[int, int], dict[Need, int]]


def log_normal(jobs: int, seed: int) -> dict[Need, int]:
    """Sizes about 2 vCPUs and 4 GiB a vCPU, both log-normal: hardly two jobs alike."""
    draw = random.Random(seed)
    found: Counter[Need] = Counter()
    for _ in range(jobs):
        vcpus = max(1, min(16, round(math.exp(draw.gauss(math.log(2), 0.8)))))
        memory = int(vcpus * 1024 * math.exp(draw.gauss(math.log(4), 0.7)))
        found[Need(vcpus * 1000, max(256, min(memory, 120_000)))] += 1
    return dict(found)


#: Steps of a sequencing pipeline: (vCPUs, GiB) and how many of each hundred jobs.
_STEPS = {
    (1, 2): 30,
    (2, 4): 20,
    (2, 8): 10,
    (4, 8): 10,
    (4, 16): 12,
    (8, 16): 5,
    (8, 32): 6,
    (8, 64): 2,
    (16, 32): 2,
    (16, 64): 2,
    (16, 120): 1,
}


def bioinformatics(jobs: int, seed: int) -> dict[Need, int]:
    """Eleven round shapes, as people write them."""
    draw = random.Random(seed)
    steps = draw.choices(list(_STEPS), list(_STEPS.values()), k=jobs)
    return dict(Counter(Need(vcpus * 1000, gib * 1024) for vcpus, gib in steps))


#: vCPUs on a shared cluster, and how many of each hundred jobs.
_SIZES = {1: 50, 2: 20, 4: 15, 8: 9, 16: 4, 32: 2}


def cluster(jobs: int, seed: int) -> dict[Need, int]:
    """Powers of two, mostly small, with memory that has little to do with them."""
    draw = random.Random(seed)
    found: Counter[Need] = Counter()
    for vcpus in draw.choices(list(_SIZES), list(_SIZES.values()), k=jobs):
        memory = int(1024 * math.exp(draw.gauss(math.log(vcpus * 3), 1.0)))
        found[Need(vcpus * 1000, max(128, min(memory, 120_000)))] += 1
    return dict(found)


MIXES: Mapping[str, Mix] = {
    "log-normal": log_normal,
    "bioinformatics": bioinformatics,
    "cluster": cluster,
}
