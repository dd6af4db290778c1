"""What a workload costs at AWS's list prices: Fargate by environment, and the control plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks import prices
from lambdas.core.fargate import size_for
from simulator import bill
from simulator.workloads.play import Played
from simulator.workloads.trace import Phase, Trace
from simulator.workloads.yard import Place

#: The part of a task's start-up in which its image is pulled, which Fargate bills; before it, the
#: network interface is attached. A guess that only an account can settle.
PULLING = 0.5


@dataclass(frozen=True, slots=True)
class FargateCost:
    """One environment's bill."""

    environment: str
    spot: bool
    tasks: int
    vcpu_hours: float
    gb_hours: float
    usd: float
    addresses_usd: float  #: public IPv4 addresses, in the default network profile


@dataclass(frozen=True, slots=True)
class Cost:
    """All of it, in dollars."""

    fargate: tuple[FargateCost, ...]
    control_plane: Mapping[str, float]  #: by service
    control_plane_usd: float
    total_usd: float


def cost_of(played: Played) -> Cost:
    """The bill: every attempt that ran, from its image's pull to its end."""
    fargate = tuple(_environment(place, played.traces) for place in played.yard.places)
    control = bill.control_plane(played.tallies, len(played.traces), played.executions)
    total = sum(control.values())
    used = sum(cost.usd + cost.addresses_usd for cost in fargate)
    return Cost(fargate, control, total, total + used)


def _environment(place: Place, traces: tuple[Trace, ...]) -> FargateCost:
    tasks, vcpu_seconds, gb_seconds, usd, address_seconds = 0, 0.0, 0.0, 0.0, 0
    for trace in traces:
        size = size_for(trace.job.milli_vcpus, trace.job.memory)
        for seconds in _billed(trace, place.name):
            assert size is not None  # the platform ran it
            tasks += 1
            address_seconds += seconds
            vcpu_seconds += seconds * size.milli_vcpus / 1000
            gb_seconds += seconds * size.memory_mib / 1024
            usd += bill.fargate(size, seconds, spot=place.spot)
    addresses = address_seconds / 3600 * prices.ADDRESS_HOUR
    hours = vcpu_seconds / 3600, gb_seconds / 3600
    return FargateCost(place.name, place.spot, tasks, *hours, usd, addresses)


def _billed(trace: Trace, env: str) -> list[int]:
    """Seconds that Fargate bills for each of a job's tasks in an environment."""
    found, starting = [], 0
    for span in trace.spans:
        if span.phase is Phase.STARTING:
            starting = span.length
        elif span.phase is Phase.RUNNING and span.env == env:
            found.append(bill.billed_seconds(round(starting * PULLING), span.length))
    return found
