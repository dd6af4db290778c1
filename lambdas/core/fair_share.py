"""Fair share: which share of a queue goes next, by AWS Batch's arithmetic.

A share's usage is its vCPU time, of which the older counts less; usage times weight factor decides,
the lowest goes first (AWS Batch's user guide, "Fair-share scheduling policies"). What runs now
counts as if it ran on for one more window, so that one tick does not give everything to the share
that happened to be lowest: while all are saturated, shares run in proportion to 1 ÷ weight.

Usage is in milli-vCPU-milliseconds, times in milliseconds, weights in ten-thousandths.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdas.core.tables import Item

#: The shortest window, which 0 stands for (ms).
SHORTEST_WINDOW = 600_000
#: The weight factor 1.0.
ONE = 10_000


@dataclass(frozen=True, slots=True)
class Policy:
    """A fair-share policy. `weights` are by share identifier, or by prefix and `*`."""

    window: int = SHORTEST_WINDOW
    reservation: int = 0
    weights: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, item: Item) -> Policy:
        """The policy in a catalog item; see `rules_policy.normalised_policy`."""
        kept: Mapping[str, Any] = item["detail"].get("fairsharePolicy", {})
        return cls(
            window=max(SHORTEST_WINDOW, 1000 * kept.get("shareDecaySeconds", 0)),
            reservation=kept.get("computeReservation", 0),
            weights=dict(item.get("weights", {})),
        )

    def weight(self, share: str) -> int:
        """The weight of a share: its own, its prefix's, else 1. Lower gets more."""
        own = self.weights.get(share)
        if own is not None:
            return own
        for length in range(len(share), -1, -1):
            of_prefix = self.weights.get(f"{share[:length]}*")
            if of_prefix is not None:
                return of_prefix
        return ONE

    def score(self, share: str, usage: Usage) -> int:
        """What decides: the share of the lowest score goes next."""
        return (usage.used + usage.running * self.window) * self.weight(share)

    def open_to(self, active: int, maximum: int) -> int:
        """What the active shares may use of `maximum` together: the rest, in the ratio
        (computeReservation ÷ 100) to the power of their number, is kept for others to come."""
        return maximum - int(maximum * (self.reservation / 100) ** max(1, active))


@dataclass(frozen=True, slots=True)
class Usage:
    """What a share used (decayed) and what it runs now (milli-vCPUs)."""

    used: int = 0
    running: int = 0

    @property
    def active(self) -> bool:
        return self.used > 0 or self.running > 0


def accrued(used: int, running: int, passed: int, window: int) -> int:
    """Usage after `passed` ms in which `running` milli-vCPUs ran.

    It decays exponentially with the window as its time constant, so what runs evenly is worth the
    same as in a sliding window of that length: running × window. Under a vCPU-second is nothing.
    """
    kept = math.exp(-max(0, passed) / window)
    found = int(used * kept + running * window * (1 - kept))
    return found if found >= 1_000_000 or running else 0


@dataclass(frozen=True, slots=True)
class Shares:
    """A queue's fair-share policy, and what each of its shares used and runs."""

    policy: Policy
    usage: Mapping[str, Usage] = field(default_factory=dict)


@dataclass(slots=True)
class Opening:
    """Of a queue with a policy: what its active shares may use together (milli-vCPUs)."""

    most: int
    running: int
    active: int
    kept: int = 0  #: for a job that was passed over for too long

    def holds(self, need: int) -> bool:
        """The first job is always let in, or a large one would wait for ever (I8)."""
        in_use = self.running + self.kept
        return not in_use or in_use + need <= self.most
