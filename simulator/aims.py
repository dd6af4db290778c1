"""What a trial has in store for one call site: death, or that others overtake it, again and again."""

from __future__ import annotations

import random
from collections.abc import Mapping

from simulator.callsites import named
from simulator.faults import AIMS, Aim
from simulator.odds import CALM, RIVALS, Odds
from simulator.outage import Outage

#: The services that move jobs.
HEART = frozenset(
    {
        *("claims", "schedule", "launch", "endings", "track", "relay", "dependents"),
        *("jobs", "arrays", "bell", "reconcile"),
    }
)

LAUNCHING = frozenset({"launch", "reconcile"})
MEETING = frozenset({"dependents", "schedule"})

#: Where tasks are made.
RUN = "launch:Launcher._run:run"

#: The others go on, for as long as a call may take.
OVERTAKEN = ("slow", "interleaved")

#: How often a hostile day aims at one of these.
RARELY = 0.4

#: Call sites that are seldom reached, or seldom overtaken, and what must happen where for that.
RARE: Mapping[str, Aim] = {
    "task_definitions:TaskDefinitions._yield_to:deregister": {
        "task_definitions:TaskDefinitions.ensure:register": ("interleaved",),
        "task_definitions:TaskDefinitions.ensure:write": ("interleaved",),
    },
    "launch:Launcher._record:stop": {RUN: ("slow", "interleaved")},
    "launch:Launcher._run:find": {RUN: ("conflict",)},
    "endings:Endings._live:get": {"endings:Endings._write:transact": ("interleaved",)},
    "schedule:Scheduler._hold:write": {},
    "schedule:Scheduler._come_back:send": {},
    "track:Tracker._stop_twin:stop": {},
    "arrays:Arrays._stop:transact": {},
    "arrays:Arrays.stop_children:write": {},
    "bell:BellService._replace:write": {"bell:BellService.ring:ring": ("crashed_before",)},
    "bell:BellService._replace:ring": {"bell:BellService.ring:ring": ("crashed_before",)},
    "bell:BellService.sound:ring": {},
    "dependents:Dependents._resolve:write": {},
    "jobs:JobsService._write:transact": {},
    # One call of these takes so long that a job's life goes on meanwhile.
    "jobs:JobsService._write:write": {"jobs:JobsService._write:write": OVERTAKEN},
    "claims:Claims._claim_batch:transact": {
        "claims:Claims._claim_batch:transact": OVERTAKEN,
        RUN: ("short",),
    },
    "schedule:Scheduler._park:write#2": {"schedule:Scheduler._park:write#2": OVERTAKEN},
    "track:Tracker._record_start:write": {"track:Tracker._record_start:write": OVERTAKEN},
    "endings:Endings._write:transact": {
        "endings:Endings._write:transact": OVERTAKEN,
        RUN: ("short", "throttled"),
    },
    "reconcile:Reconciler._look_again:write": {
        "reconcile:Reconciler._look_again:write": OVERTAKEN,
        "reconcile:Reconciler._check_live:write": OVERTAKEN,
    },
    "jobs:JobsService._stopping:get#2": {},
    "queue_removal:QueueRemoval._end:write": {},
}


def aim_of(seed: int, odds: Odds, outage: Outage | None) -> Aim:
    """What this seed aims at; every other time it is a site that moves jobs."""
    draw, calm = random.Random(f"{seed} aim"), odds is CALM
    if outage and draw.random() < 0.5:
        return {RUN: ("crashed_after", "posthumous")}
    if not calm and draw.random() < RARELY:
        rare = draw.choice(sorted(RARE))
        return {rare: ("crashed_before", "crashed_after"), **RARE[rare]}
    sites = sorted(named())
    files = LAUNCHING if odds is RIVALS else MEETING if calm else HEART
    heart = [site for site in sites if site.partition(":")[0] in files]
    site, faults = draw.choice(draw.choice((sites, heart))), draw.choice(AIMS)
    return {site: ("slow", "interleaved") if calm else faults}
