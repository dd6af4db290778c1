"""EC2 instance types: what they have, what ECS can use of it, and the grammar that selects them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lambdas.core.packing.model import HostType

#: What `optimal` and its successors stand for (AWS Batch, ComputeResource.instanceTypes).
ALIASES = {
    "optimal": ("m6i", "c6i", "r6i", "c7i"),
    "default_x86_64": ("m6i", "c6i", "r6i", "c7i"),
    "default_arm64": ("m6g", "c6g", "r6g", "c7g"),
}

_FAMILY = re.compile(r"^(?P<letters>[a-z]+?)(?P<generation>\d+)(?P<rest>[a-z0-9-]*)$")


@dataclass(frozen=True, slots=True)
class InstanceType:
    """One instance type. `memory` is the nominal one (MiB), `price` that on demand (USD an hour)."""

    name: str
    vcpus: int
    memory: int
    price: float
    gpus: int = 0
    architectures: tuple[str, ...] = ("x86_64",)
    spot: bool = True
    current: bool = True
    burstable: bool = False
    bare_metal: bool = False
    other_accelerators: bool = False

    @property
    def family(self) -> str:
        """`m6i` of `m6i.large`."""
        return self.name.partition(".")[0]

    @property
    def letters(self) -> str:
        """`m` of `m6i.large`; the whole family where it has no generation."""
        found = _FAMILY.match(self.family)
        return found["letters"] if found else self.family

    @property
    def generation(self) -> int:
        """6 of `m6i.large`; 0 where it has none."""
        found = _FAMILY.match(self.family)
        return int(found["generation"]) if found else 0

    @property
    def usable_memory(self) -> int:
        """MiB that an ECS agent registers: the system and the agent keep the rest. A rule of thumb
        until a host of this type has registered."""
        return int(self.memory * 0.965 - 256)

    def host(self) -> HostType:
        """As packing sees it, at the price on demand."""
        return HostType(self.name, self.vcpus * 1000, self.usable_memory, self.price, self.gpus)


def selected(
    types: Iterable[InstanceType], patterns: Sequence[str], architecture: str = "x86_64"
) -> list[InstanceType]:
    """The types that `instanceTypes` names: types, families, `optimal`, `default_x86_64` or
    `default_arm64`. Bare metal only where it is named in full."""
    names = {name for pattern in patterns for name in ALIASES.get(pattern, (pattern,))}
    return [
        found
        for found in types
        if architecture in found.architectures
        and (found.name in names or (found.family in names and not found.bare_metal))
    ]


def unknown(types: Iterable[InstanceType], patterns: Sequence[str]) -> list[str]:
    """The patterns that name no type at all."""
    known = {name for found in types for name in (found.name, found.family)} | set(ALIASES)
    return [pattern for pattern in patterns if pattern not in known]
