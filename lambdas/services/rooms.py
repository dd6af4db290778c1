"""What each compute environment has, and what is in use of it, as its ledger says."""

from __future__ import annotations

from collections.abc import Iterable

from lambdas.core import capacity
from lambdas.core.catalog import Environment
from lambdas.core.ports import Table
from lambdas.core.scheduling import Room
from lambdas.core.tables import Key


def rooms_of(ledgers: Table, environments: Iterable[Environment]) -> dict[str, Room]:
    """The room of each of these environments, by name, read strongly."""
    known = list(environments)
    found = ledgers.get_many([key for env in known for key in _keys(env.name)])
    rooms = {}
    for env in known:
        taken = (found.get(capacity.ledger_key(env.name)) or {}).get("taken", 0)
        counters = [found.get(key) or {} for key in capacity.released_keys(env.name)]
        released = capacity.released_total(counters)
        rooms[env.name] = Room(env.max_milli_vcpus, taken - released, released)
    return rooms


def _keys(env: str) -> tuple[Key, ...]:
    return (capacity.ledger_key(env), *capacity.released_keys(env))
