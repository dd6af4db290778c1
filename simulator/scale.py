"""A day of many jobs through the production services: what it costs, and whether any was lost.

The mix is fixed: groups of 500 jobs, of which 350 are children of one array, 100 are plain and 50
wait for one of the plain ones, arriving evenly over the day. One in fifty attempts fails; a job
has two. Ended jobs are kept for an hour, then expire as DynamoDB's TTL ends items, so that memory
holds the jobs of some hours, not of the day; what became of a job is counted when it is written.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

from lambdas.adapters.memory.tasks import MemoryTask
from lambdas.core.errors import Throttled
from lambdas.core.job import (
    ARRAY_TRANSITIONS,
    TRANSITIONS,
    JobState,
    Status,
    ecs_safe,
    state_of,
)
from lambdas.core.metering import Tally
from lambdas.core.tables import Change
from simulator.checks import violations
from simulator.fargate import Outcome
from simulator.latencies import REALISTIC
from simulator.quotas import Hottest
from simulator.world import MINUTE, World

HOUR = 60 * MINUTE

#: Jobs of one group, by kind.
CHILDREN, PLAIN, DEPENDENT = 350, 100, 50
GROUP = CHILDREN + PLAIN + DEPENDENT

#: The part of attempts that fail.
_FAILS = 0.02

#: How long the world may go on after the last arrival (hours).
PATIENCE = 240

#: A job runs about so long (ms): the median and the spread of its logarithm.
_RUNS, _SPREAD = 60_000, 0.8


@dataclass(frozen=True, slots=True)
class Day:
    """What is asked for. `launch_rate` is this world's part of RunTask's 20 a second."""

    jobs: int
    mix: str = "fixed"  #: or plain
    seed: int = 0
    hours: float = 24
    launch_rate: int = 20
    part: float | None = 1.0  #: this world's part of the account's quotas; None: without quotas


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a day."""

    jobs: int
    succeeded: int
    failed: int
    double_run: int
    violations: tuple[str, ...]
    virtual_hours: float
    executions: int
    requests: int  #: of the api: submits
    invocations: Mapping[str, int]  #: by function
    throttled: Mapping[str, int]  #: calls refused, by quota
    hottest_write: Hottest  #: the busiest second of any key
    hottest_read: Hottest
    tallies: tuple[Tally, ...]

    @property
    def lost(self) -> int:
        return self.jobs - self.succeeded - self.failed


class _Books:
    """Keeps count of jobs as their changes are written, and of the tasks that live."""

    def __init__(self, world: World) -> None:
        self.ends = {Status.SUCCEEDED: 0, Status.FAILED: 0}
        self.double_run = 0
        self.wrong: list[str] = []
        self.last_end = 0
        self._world = world
        self._live: dict[str, MemoryTask] = {}
        self._begin = world.tasks.on_made
        world.tasks.on_made = self._made
        world.functions.observers.append(self)

    @property
    def ended(self) -> int:
        return sum(self.ends.values())

    def on_change(self, change: Change) -> None:
        old, new = change.old, change.new
        if change.key.sk != "STATE" or new is None:
            return
        if old is not None and old["status"] == new["status"]:
            return
        before = Status(old["status"]) if old else None
        after = Status(new["status"])
        allowed = ARRAY_TRANSITIONS if "size" in new else TRANSITIONS
        if before is not None and after not in allowed[before]:
            self.wrong.append(f"I1: {change.key.pk} went from {before} to {after}")
        if after.ended and "size" not in new:
            self._end(state_of(new))

    def on_invoked(self, function: str, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, Throttled):  # that comes again by itself
            self.wrong.append(f"{function} died of {error!r}")

    def _end(self, state: JobState) -> None:
        self.ends[state.status] += 1
        self.last_end = self._world.clock.now()
        self._live.pop(ecs_safe(state.id), None)

    def _made(self, task: MemoryTask) -> None:
        """I2: whatever task a job had before must have stopped."""
        job = task.request["startedBy"].split("/")[0]
        before = self._live.get(job)
        self.double_run += before is not None and before.status != "STOPPED"
        self._live[job] = task
        self._begin(task)


def live_through(day: Day) -> Came:
    """Run one day to its end."""
    world = _deployed(day)
    books = _Books(world)
    begin = world.clock.now()
    submits = _arrive(world, _arrivals(day), begin, round(day.hours * HOUR))
    for hour in range(1, round(day.hours) + PATIENCE):
        world.run(60)
        world.tables.jobs.expire(world.clock.now() - HOUR)
        if hour >= day.hours and books.ended >= day.jobs:
            break
    world.run(5)
    quotas = world.quotas
    return Came(
        day.jobs,
        books.ends[Status.SUCCEEDED],
        books.ends[Status.FAILED],
        books.double_run,
        (*books.wrong, *violations(world)),
        round((books.last_end - begin) / HOUR, 2),
        sum(t.calls for t in world.meter.totals() if t.operation == "StartExecution"),
        submits[0],
        {"api": submits[0], **world.functions.invocations},
        quotas.throttled if quotas else {},
        *(quotas.hottest if quotas else (Hottest(), Hottest())),
        world.meter.totals(),
    )


def _deployed(day: Day) -> World:
    world = World(seed=day.seed, latencies=REALISTIC, quotas=day.part)
    world.settings = replace(world.settings, launch_rate=day.launch_rate, retention_days=0)
    world.platform = world.sandbox("api")
    world.journal.keeps = world.waits.keeps = world.fargate.keeps = False
    world.fargate.forgets = True
    world.fargate.outcome_of = _outcome
    world.environment(vcpus=4_000)
    world.queue()
    world.definition()
    world.meter.reset()
    return world


def _outcome(variables: Mapping[str, str]) -> Outcome:
    """How an attempt goes: by its name alone, so that every run of a day is the same."""
    told = f"{variables['AWS_BATCH_JOB_ID']}#{variables['AWS_BATCH_JOB_ATTEMPT']}"
    draw = random.Random(crc32(told.encode()))
    runs = round(_RUNS * draw.lognormvariate(0, _SPREAD))
    return Outcome(runs, 1 if draw.random() < _FAILS else 0)


# ── arrivals ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Arrival:
    """One submit, at this part (0 to 1) of the day; `waits` for the plain job before it."""

    at: float
    name: str
    size: int = 0
    waits: bool = False


def _arrivals(day: Day) -> Iterator[_Arrival]:
    if day.mix == "plain":
        for number in range(day.jobs):
            yield _Arrival(number / day.jobs, f"plain-{number}")
        return
    groups = -(-day.jobs // GROUP)
    left = day.jobs
    for group in range(groups):
        yield from _group(group, groups, min(GROUP, left))
        left -= GROUP


def _group(group: int, groups: int, jobs: int) -> Iterator[_Arrival]:
    children, dependent = jobs * CHILDREN // GROUP, jobs * DEPENDENT // GROUP
    plain = jobs - children - dependent
    begin, length = group / groups, 1 / groups
    if children:
        yield _Arrival(begin, f"array-{group}", size=children)
    for number in range(plain):
        at = begin + length * number / plain
        yield _Arrival(at, f"plain-{group}-{number}")
        if number < dependent:
            yield _Arrival(at, f"then-{group}-{number}", waits=True)


def _arrive(world: World, arrivals: Iterator[_Arrival], begin: int, length: int) -> list[int]:
    """Submit one after the other: each arrival puts the next on the agenda. What is returned holds
    how many were submitted, as it grows."""
    last, submits = "", [0]

    def submit(arrival: _Arrival) -> None:
        nonlocal last
        more: dict[str, Any] = {"retryStrategy": {"attempts": 2}}
        if arrival.size:
            more["arrayProperties"] = {"size": arrival.size}
        if arrival.waits:
            more["dependsOn"] = [{"jobId": last}]
        submits[0] += 1
        job = world.submit(arrival.name, token=arrival.name, **more)
        last = last if arrival.waits else job
        follow()

    def follow() -> None:
        arrival = next(arrivals, None)
        if arrival is not None:
            world.at(begin + round(arrival.at * length), lambda: submit(arrival))

    follow()
    return submits
