"""What one job costs the control plane: calls, consumed units and list price.

The production services run over the memory adapters, whose meter bills as DynamoDB does (the
contract suite holds its arithmetic to DynamoDB's documented examples); `simulator.bill` prices it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lambdas.core.metering import Tally
from simulator import bill
from simulator.fargate import Outcome
from simulator.world import World


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


def array(size: int) -> Callable[[World, int], Any]:
    """One array of so many children; what a child costs, its part of the array's submit included."""

    def submit(world: World, number: int) -> None:
        world.submit(f"array-{number}", token=str(number), arrayProperties={"size": size})

    return submit


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
    usd = bill.control_plane(tallies, jobs, executions)
    rounded = {service: round(amount * 1e6 / jobs, 2) for service, amount in usd.items()}
    return {service: amount for service, amount in rounded.items() if amount}


def figures(jobs: int = 500) -> dict[str, Any]:
    """The figures of every kind, ready for JSON."""
    costs = [
        measure("plain, one at a time", 1, plain),
        measure(f"plain, {jobs} at once", jobs, plain),
        measure("two jobs, one after the other", jobs, dependent, per=2),
        measure(f"one array of {jobs}", 1, array(jobs), per=jobs),
    ]
    return {cost.kind: {**asdict(cost), "usd_total": round(cost.total, 2)} for cost in costs}
