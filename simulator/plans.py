"""The jobs of one trial, drawn from its seed: what each does, and what is done to it.

Every job draws from a stream of its own, so that one can be left out without changing the others.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from lambdas.core.dependencies import Wanted
from lambdas.core.job import Status
from simulator.odds import MINUTE

JOBS = 12

#: Timeouts (seconds): a job keeps them by far, breaks them by minutes, or ends on the stroke.
SHORT, TIMEOUT = 60, 300

#: The last submissions and stops (ms after the beginning).
SUBMITTED_BY, STOPPED_BY = 4 * MINUTE, 10 * MINUTE

#: Where a job is when another begins to wait for it, and when somebody asks for its end; RUNNING
#: is when its task ends.
_MET = (*[Status.RUNNING] * 4, Status.RUNNABLE, Status.SUCCEEDED, Status.FAILED)
_STOPPED_AT = (Status.RUNNABLE, Status.STARTING, Status.STARTING, Status.RUNNING, Status.RUNNING)
_STOPPED_WAITING = (Status.SUBMITTED, Status.SUBMITTED, Status.PENDING, Status.RUNNABLE)


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody asks for a job's end, or for that of one child of an array."""

    kind: str  #: cancel or terminate
    when: int  #: ms after the beginning; or after the job is `at` a status
    child: int | None = None
    at: Status | None = None


@dataclass(slots=True)
class Plan:
    """What one job does, and what is done to it."""

    name: str
    runs: int
    failures: int
    attempts: int
    backoff: bool
    timeout: int  #: seconds; 0: none
    depends_on: tuple[str, ...]
    submitted: (
        int  #: ms after the beginning; or after the first it waits for is where it `meets` it
    )
    meets: Status | None = None
    queue: str = "default"
    size: int = 0  #: of an array
    failing: int = 0  #: of an array: so many of its children fail as `failures` says
    wanted: Wanted = Wanted.SUCCEEDED  #: which end of what it waits for
    each: tuple[str, ...] = ()  #: of what it waits for: arrays, index by index
    parallel: int = 0  #: of an array: so many children may be under way at once; 0: any number
    sequential: bool = False  #: of an array: each child waits for the one before it
    long: bool = False  #: its variables fit no override: a task definition of its own
    stops: tuple[Stop, ...] = ()
    again: int = 0  #: submitted once more, with the same token, so much later (ms); 0: not
    id: str = ""
    stopped: list[Stop] = field(default_factory=list)  #: what was asked for by now

    def fails(self, attempt: int, index: int | None) -> bool:
        """Whether this attempt of the job, or of a child of it, ends with an exit code of 1."""
        fails = index is None or index >= self.size - self.failing
        return fails and attempt <= self.failures

    @property
    def on_the_stroke(self) -> bool:
        """It ends when its time is up: either may be first."""
        return self.runs == self.timeout * 1000 > 0

    def request(self, parents: dict[str, str]) -> dict[str, Any]:
        """SubmitJob's request; `parents` are the ids of the jobs it waits for, by name."""
        asked: dict[str, Any] = {
            "jobQueue": self.queue,
            "retryStrategy": {"attempts": self.attempts},
            "dependsOn": [self._waits(name, parents) for name in self.depends_on],
        }
        tags = {}
        if self.sequential:
            asked["dependsOn"].append({"type": "SEQUENTIAL"})
        if self.wanted is not Wanted.SUCCEEDED:
            tags["batchyard:depends-on"] = self.wanted.value
        if self.parallel:
            tags["batchyard:max-parallel"] = str(self.parallel)
        if self.size:
            asked["arrayProperties"] = {"size": self.size}
        if self.timeout:
            asked["timeout"] = {"attemptDurationSeconds": self.timeout}
        if self.backoff:
            tags["batchyard:backoff"] = "10s x2 max 1m"
        if tags:
            asked["tags"] = tags
        if self.long:
            asked["containerOverrides"] = {"environment": [{"name": "LONG", "value": "x" * 9000}]}
        return asked

    def _waits(self, name: str, parents: dict[str, str]) -> dict[str, str]:
        by_index = {"type": "N_TO_N"} if name in self.each else {}
        return {"jobId": parents[name], **by_index}


def workload(seed: int, timed: bool, without: Collection[str] = ()) -> dict[str, Plan]:
    """The jobs by name, some of them `timed`. `without` leaves out jobs (`job-3`) and stops
    (`stop 0 of job-3`)."""
    plans = [_plan(seed, number, timed) for number in range(JOBS)]
    for number, plan in enumerate(plans):
        _wait_otherwise(random.Random(f"{seed} wait {number}"), plan, plans)
    return {plan.name: _less(plan, without) for plan in plans if plan.name not in without}


def parts(plans: dict[str, Plan]) -> list[str]:
    """What a workload can do without, for `without`."""
    stops = [
        f"stop {at} of {name}" for name, plan in plans.items() for at in range(len(plan.stops))
    ]
    return [*plans, *stops]


def _less(plan: Plan, without: Collection[str]) -> Plan:
    stops = tuple(
        stop for at, stop in enumerate(plan.stops) if f"stop {at} of {plan.name}" not in without
    )
    waits = tuple(name for name in plan.depends_on if name not in without)
    meets = plan.meets if plan.depends_on[:1] == waits[:1] else None
    each = tuple(name for name in plan.each if name in waits)
    return replace(plan, stops=stops, depends_on=waits, each=each, meets=meets)


def _wait_otherwise(draw: random.Random, plan: Plan, plans: list[Plan]) -> None:
    """Some jobs wait for other ends than success; some arrays for others, index by index."""
    plan.wanted = draw.choice((*[Wanted.SUCCEEDED] * 6, *Wanted))
    arrays = [other for other in plans if other.name in plan.depends_on and other.size]
    if arrays and not plan.size and draw.random() < 0.5:
        plan.size = arrays[0].size
        plan.failing = draw.randint(0, plan.size)
    if draw.random() < 0.7:
        plan.each = tuple(other.name for other in arrays if other.size == plan.size)
    plan.sequential = plan.size > 0 and draw.random() < 0.25
    if plan.size and not plan.sequential and not plan.each and draw.random() < 0.4:
        plan.parallel = draw.choice((1, 2))


def _plan(seed: int, number: int, timed: bool) -> Plan:
    draw = random.Random(f"{seed} job {number}")
    timeout = TIMEOUT if draw.random() < 0.2 and timed else 0
    slow = timeout and draw.random() < 0.5
    many = draw.choice((0, 0, 0, 1, 1, 2, 3)) if number else 0
    runs = 30 * MINUTE if slow else draw.choice((0, 1_000, 5_000, 30_000, 100_000))
    if timeout and runs <= 5_000:
        timeout, runs = SHORT, draw.choice((runs, SHORT * 1000))
    size = draw.choice((1, 2, 3, 5)) if draw.random() < 0.2 else 0
    parents = sorted(draw.sample(range(number), min(many, number)))
    meets = draw.choice((None, None, None, *_MET)) if parents else None
    return Plan(
        name=f"job-{number}",
        runs=runs,
        failures=draw.choice((0, 0, 0, 1, 1, 2, 3)),
        attempts=draw.choice((1, 2, 3)),
        backoff=draw.random() < 0.4,
        timeout=timeout,
        depends_on=tuple(f"job-{parent}" for parent in parents),
        submitted=_soon(draw) if meets else draw.choice((0, 0, draw.randrange(SUBMITTED_BY))),
        meets=meets,
        queue="high" if runs % 2_000 else "default",
        size=size,
        failing=draw.randint(0, size),
        long=draw.random() < 0.05,
        again=draw.choice((0, 0, 0, 0, 1, draw.randrange(1, SUBMITTED_BY))),
        stops=tuple(_stops(draw, size, runs, bool(parents))),
    )


def _stops(draw: random.Random, size: int, runs: int, waits: bool) -> list[Stop]:
    """Three jobs in ten are stopped, and some twice; of an array, some children beside or instead."""
    stops = []
    if draw.random() < 0.3:
        first = _stop(draw, runs, waits, None)
        stops += [first, replace(first, kind="terminate")][: draw.choice((1, 2))]
    for child in range(size):
        if draw.random() < 0.15:
            stops.append(_stop(draw, runs, waits, child))
    return stops


def _stop(draw: random.Random, runs: int, waits: bool, child: int | None) -> Stop:
    kind = draw.choice(("cancel", "terminate", "terminate"))
    at = draw.choice((None, *(_STOPPED_WAITING if waits and child is None else _STOPPED_AT)))
    if at is None:
        return Stop(kind, draw.randrange(STOPPED_BY), child)
    early = -runs if at is Status.RUNNING and draw.random() < 0.5 else 0
    return Stop(kind, early + _soon(draw), child, at)


def _soon(draw: random.Random) -> int:
    """At once, as often as not (ms)."""
    return draw.choice((0, 0, draw.randrange(2_000), draw.randrange(60_000)))
