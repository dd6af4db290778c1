"""What one job costs the control plane: calls, consumed units and list price.

The production services run over the memory adapters, whose meter bills as DynamoDB does (the
contract suite holds its arithmetic to DynamoDB's documented examples). Lambda's time is a model,
stated in `MILLISECONDS`: a call's typical latency on AWS, one after the other; only an account can
measure it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks import prices
from lambdas.core.metering import Tally
from simulator.fargate import Outcome
from simulator.world import World

#: Assumed latency of a call inside a function (ms), and of a function's own work per invocation.
MILLISECONDS: Mapping[str, float] = {
    "dynamodb": 6.0,
    "sqs": 8.0,
    "ecs": 120.0,
    "states": 25.0,
    "s3": 25.0,
}
OWN_WORK = 3.0

#: Bytes of structured log a job leaves in the control plane (about ten lines).
LOG_BYTES = 3_500

#: State transitions of one `wait` execution: Why?, the wait, Release, Done and the start.
TRANSITIONS = 5

#: AWS calls a job makes besides those of the adapters: the API request, and its records and
#: events delivered (one invocation each at worst: api, relay ×4, launch, track ×2).
INVOCATIONS = 8


@dataclass(frozen=True, slots=True)
class Cost:
    """Per job of one kind."""

    kind: str
    jobs: int
    write_units: float
    read_units: float
    by_table: Mapping[str, float]  #: write units by table and index
    calls: Mapping[str, float]  #: by service and operation
    usd_per_million: Mapping[str, float]

    @property
    def total(self) -> float:
        return sum(self.usd_per_million.values())


def measure(kind: str, jobs: int, submit: Callable[[World, int], Any], per: int = 1) -> Cost:
    """Run `jobs` jobs of one kind to their end; `per` is how many jobs one submit stands for."""
    world = World(lambda _name, _attempt: Outcome(runs=1_000))
    world.environment(vcpus=1_000)
    world.queue()
    world.definition()
    world.meter.reset()
    for number in range(jobs):
        submit(world, number)
    world.run(minutes=30, reconcile=False)
    return _cost(kind, jobs * per, world)


def plain(world: World, number: int) -> None:
    world.submit(f"job-{number}", token=str(number))


def dependent(world: World, number: int) -> None:
    """A job that waits for another: its own cost and that of the one it waits for."""
    first = world.submit(f"first-{number}", token=f"a{number}")
    world.submit(f"then-{number}", token=f"b{number}", dependsOn=[{"jobId": first}])


def _cost(kind: str, jobs: int, world: World) -> Cost:
    tallies = world.meter.totals()
    by_table: dict[str, float] = defaultdict(float)
    calls: dict[str, float] = defaultdict(float)
    for tally in tallies:
        where = tally.table + (f".{tally.index}" if tally.index else "")
        if tally.write_units:
            by_table[where] += tally.write_units / jobs
        if not tally.index:
            calls[f"{tally.service}.{tally.operation}"] += tally.calls / jobs
    return Cost(
        kind,
        jobs,
        sum(t.write_units for t in tallies) / jobs,
        sum(t.read_units for t in tallies) / jobs,
        dict(by_table),
        dict(calls),
        _usd(tallies, jobs, len(world.waits.started)),
    )


def _usd(tallies: tuple[Tally, ...], jobs: int, executions: int) -> dict[str, float]:
    """Dollars for a million jobs, by service."""
    million = 1e6 / jobs
    usd: dict[str, float] = defaultdict(float)
    busy = INVOCATIONS * jobs * OWN_WORK
    for tally in tallies:
        units = tally.write_units * prices.WRITE_UNIT + tally.read_units * prices.READ_UNIT
        usd["DynamoDB"] += units * million
        if tally.index:
            continue
        price = prices.CALLS.get((tally.service, tally.operation), 0.0)
        if price:
            usd[tally.service.upper()] += tally.calls * price * million
        busy += tally.calls * MILLISECONDS.get(tally.service, 0.0)
    usd["Lambda time"] = busy / 1000 * prices.FUNCTION_GB * prices.GB_SECOND * million
    usd["Lambda requests"] = INVOCATIONS * jobs * prices.CALLS["lambda", "Invoke"] * million
    usd["API Gateway"] = prices.CALLS["apigateway", "Request"] * 1e6
    usd["Step Functions"] = executions * TRANSITIONS * prices.TRANSITION * million
    usd["Logs"] = LOG_BYTES / 1e9 * prices.LOG_GB * 1e6
    return {service: round(amount, 2) for service, amount in usd.items() if amount}


def figures(jobs: int = 500) -> dict[str, Any]:
    """The figures of every kind, ready for JSON."""
    costs = [
        measure("plain, one at a time", 1, plain),
        measure(f"plain, {jobs} at once", jobs, plain),
        measure("two jobs, one after the other", jobs, dependent, per=2),
    ]
    return {cost.kind: {**asdict(cost), "usd_total": round(cost.total, 2)} for cost in costs}
