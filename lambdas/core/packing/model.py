"""The words of packing: what jobs need, what hosts offer, and the answer.

Units everywhere: thousandths of a vCPU, MiB, whole GPUs, dollars an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Need(NamedTuple):
    """What one job asks of a host."""

    milli_vcpus: int
    memory: int
    gpus: int = 0

    def told(self) -> str:
        gpus = f", {self.gpus} GPU" if self.gpus else ""
        return f"{self.milli_vcpus / 1000:g} vCPU, {self.memory:,} MiB{gpus}"


class Space(NamedTuple):
    """What is free on a host that is there already."""

    host: str
    milli_vcpus: int
    memory: int
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class HostType:
    """An instance type that may be launched. `memory` is what ECS registers, not what the brochure
    says; `price` is what an hour is expected to cost, whatever is in it: spot or on demand, booting,
    the chance of losing it."""

    name: str
    milli_vcpus: int
    memory: int
    price: float
    gpus: int = 0

    def holds(self, need: Need) -> bool:
        """Whether an empty host of this type can run the job."""
        return (
            need.milli_vcpus <= self.milli_vcpus
            and need.memory <= self.memory
            and need.gpus <= self.gpus
        )


@dataclass(frozen=True, slots=True)
class Hosts:
    """`count` hosts of one type with the same jobs on each of them."""

    type: HostType
    jobs: Mapping[Need, int]
    count: int = 1

    @property
    def price(self) -> float:
        return self.type.price * self.count


@dataclass(frozen=True, slots=True)
class Packing:
    """Which hosts to launch with which jobs, what goes onto hosts that are there, and who is left.

    `floor` is what the cheapest mixture of types would cost if jobs could be poured like water: no
    packing costs less. `method` says which of the ways that were tried was the cheapest.
    """

    hosts: tuple[Hosts, ...] = ()
    onto: Mapping[str, Mapping[Need, int]] = field(default_factory=dict)  #: by host that is there
    left: Mapping[Need, int] = field(default_factory=dict)  #: no room within the maximum
    infeasible: tuple[Need, ...] = ()  #: no type can ever hold it
    floor: float = 0.0
    method: str = ""

    @property
    def price(self) -> float:
        """Of the new hosts, an hour."""
        return sum(hosts.price for hosts in self.hosts)

    @property
    def milli_vcpus(self) -> int:
        """Of the new hosts, which counts against maxvCpus."""
        return sum(hosts.type.milli_vcpus * hosts.count for hosts in self.hosts)

    def told(self) -> str:
        """In one sentence, for `explain`."""
        kinds: Counter[str] = Counter()
        for hosts in self.hosts:
            kinds[hosts.type.name] += hosts.count
        fleet = ", ".join(f"{count} × {name}" for name, count in kinds.most_common()) or "no host"
        over = (
            f", {max(0.0, self.price / self.floor - 1):.1%} above the floor" if self.floor else ""
        )
        return f"{fleet}: ${self.price:.2f} an hour{over} ({self.method})"
