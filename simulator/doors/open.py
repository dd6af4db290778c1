"""Which doors a seed opens."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping

from simulator.doors.catalog import CatalogDoor
from simulator.doors.clients import Clients
from simulator.doors.definitions import DefinitionDoor
from simulator.doors.door import Door
from simulator.doors.events import EventDoor
from simulator.doors.expiry import ExpiryDoor
from simulator.doors.operator import OperatorDoor
from simulator.doors.places import PlaceDoor
from simulator.doors.reading import ReadDoor
from simulator.doors.stacks import StackDoor
from simulator.doors.tags import TagDoor
from simulator.doors.tokens import TokenDoor
from simulator.plans import Plan

DOORS: tuple[type[Door], ...] = (
    CatalogDoor,
    DefinitionDoor,
    EventDoor,
    ExpiryDoor,
    OperatorDoor,
    PlaceDoor,
    ReadDoor,
    StackDoor,
    TagDoor,
    TokenDoor,
)

#: How many a seed opens beside those that lead to what it aims at.
_MOST = 2


def opened(
    seed: int,
    aimed: Collection[str],
    clients: Clients,
    plans: Mapping[str, Plan],
    without: Collection[str],
) -> list[Door]:
    """The doors of this seed: some by chance, and those that lead to an `aimed` call site."""
    draw = random.Random(f"{seed} doors")
    some = draw.sample(DOORS, draw.randint(0, _MOST))
    return [
        door(clients, plans, seed)
        for door in DOORS
        if (door in some or _leads(door, aimed)) and part(door) not in without
    ]


def _leads(door: type[Door], sites: Collection[str]) -> bool:
    return any(site.startswith(file) for site in sites for file in door.files)


def part(door: type[Door] | Door) -> str:
    """What a trial calls it, among what its workload can do without."""
    return f"door {door.name}"
