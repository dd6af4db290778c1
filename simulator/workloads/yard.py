"""Where a workload is played: the compute environments, queues and tempo of one deployment."""

from __future__ import annotations

import re
from dataclasses import dataclass

from simulator.workloads.model import WorkloadError

#: What a word on the command line means as a compute environment's type.
KINDS = {"fargate": "FARGATE", "fargate-spot": "FARGATE_SPOT"}
MOST_ENVIRONMENTS = 10
MOST_VCPUS = 1_000_000
HIGHEST_PRIORITY = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """A compute environment: its name, its type and its maxvCpus."""

    name: str
    kind: str
    vcpus: int

    @property
    def spot(self) -> bool:
        return self.kind == "FARGATE_SPOT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Yard:
    """A deployment to be. Every queue uses all environments, in their order."""

    places: tuple[Place, ...] = (Place("fargate", "FARGATE", 64),)
    priorities: tuple[tuple[str, int], ...] = ()  #: of queues; 50 where none is said
    launch_rate: int = 20  #: claims a second; RunTask's default quota
    start_up: float = 30.0  #: seconds from RunTask to RUNNING
    seed: int = 0

    @property
    def milli_vcpus(self) -> int:
        return 1000 * sum(place.vcpus for place in self.places)


def places_of(asked: list[str]) -> tuple[Place, ...]:
    """`fargate=64`, `fargate-spot=256`, `night:fargate=8`: in the order in which queues use them.

    Raises WorkloadError.
    """
    found: list[Place] = []
    for text in asked:
        match = re.fullmatch(r"(?:([A-Za-z0-9][\w-]{0,127}):)?([a-z-]+)=(\d{1,9})", text, re.ASCII)
        if not match or match[2] not in KINDS or not 1 <= int(match[3]) <= MOST_VCPUS:
            raise WorkloadError(
                f"--environment is {text!r}: [NAME:]KIND=VCPUS is needed, such as fargate=64; "
                f"KIND is {' or '.join(KINDS)}, VCPUS 1 to {MOST_VCPUS:,}."
            )
        name = match[1] or match[2]
        if any(place.name == name for place in found):
            raise WorkloadError(f"--environment names {name} twice: give it another NAME:.")
        found.append(Place(name, KINDS[match[2]], int(match[3])))
    if len(found) > MOST_ENVIRONMENTS:
        raise WorkloadError(
            f"--environment is given {len(found)} times: at most {MOST_ENVIRONMENTS} are allowed."
        )
    return tuple(found)


def priorities_of(asked: list[str]) -> tuple[tuple[str, int], ...]:
    """`urgent=100`: the priority of a job queue. Raises WorkloadError."""
    found = []
    for text in asked:
        match = re.fullmatch(r"([A-Za-z0-9][\w-]{0,127})=(\d{1,4})", text, re.ASCII)
        if not match or int(match[2]) > HIGHEST_PRIORITY:
            raise WorkloadError(
                f"--queue is {text!r}: NAME=PRIORITY is needed, such as urgent=100; "
                f"PRIORITY is 0 to {HIGHEST_PRIORITY}, the highest goes first."
            )
        found.append((match[1], int(match[2])))
    return tuple(found)
