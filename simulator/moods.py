"""What a deployment allows on one day: how fast it launches, and how much it may run."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mood:
    """`launch_rate` in claims a second and cell, `vcpus` of each environment."""

    launch_rate: int = 1000
    vcpus: int = 1

    @classmethod
    def of(cls, seed: int) -> Mood:
        """The mood of this seed: one day in six is metered."""
        metered = random.Random(f"{seed} mood").random() < 1 / 6
        return cls(launch_rate=1, vcpus=4) if metered else cls()
