"""An outage: functions that stand still for so long that others forget what they should know.

ECS forgets a stopped task after an hour, and with it the client token; the stream forgets a record
after a day. Records of a stream that nobody reads are lost here at once. Messages wait: ECS's events
for `track`, and the effects that were put off for `reconcile`. But in some outages ECS is mute.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from simulator.odds import MINUTE
from simulator.world import World

#: In so many of the hostile days (one in …).
ONE_IN = 4

#: How long (minutes): beyond ECS's memory of tokens, of tasks, and beyond the stream's.
_LASTS = ((46, 90), (90, 240), (1450, 1500))

#: Functions that may stand still with `reconcile`.
_OTHERS = ("relay", "launch", "schedule")


@dataclass(frozen=True, slots=True)
class Outage:
    """Which functions stand still, from when (ms after the beginning), and for how long."""

    functions: frozenset[str]
    begin: int
    minutes: int
    mute: bool  #: ECS's events meanwhile are lost

    @classmethod
    def of(cls, seed: int) -> Outage | None:
        """The outage that this seed has in store."""
        draw = random.Random(f"{seed} outage")
        if draw.randrange(ONE_IN):
            return None
        still = {"reconcile", *(name for name in _OTHERS if draw.random() < 0.4)}
        begin = draw.randrange(MINUTE // 2, 8 * MINUTE)
        lasts = draw.randint(*draw.choice(_LASTS))
        return cls(frozenset(still), begin, lasts, draw.random() < 0.6)

    def befall(self, world: World, day: int) -> None:
        """Let it come and pass, on a day that begins at `day` (epoch ms)."""
        begin = day + self.begin
        end = begin + self.minutes * MINUTE
        still = self.functions | ({"track"} if self.mute else set())
        world.at(begin, lambda: world.paused.update(still))
        world.at(begin, lambda: world.functions.hold(end))
        world.at(end, lambda: world.paused.difference_update(still))
