"""The orders in which a memory table can be read: its partitions', and those of its indexes.

An order is kept sorted from the first time it is asked for; partitions nobody queries (most: a
job's items are read by key) cost a set insertion.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from lambdas.adapters.memory.sorted_keys import SortedKeys
from lambdas.adapters.memory.writes import Names
from lambdas.adapters.rules import Place, place_after
from lambdas.core.rows import Row
from lambdas.core.tables import IndexSchema, Query, TableSchema

Stored = Row


class _Top:
    """Greater than every part of a key."""

    def __lt__(self, other: object) -> bool:
        return False

    __le__ = __lt__

    def __gt__(self, other: object) -> bool:
        return True

    __ge__ = __gt__


_TOP = _Top()


class _Partition:
    """Places of one partition: a set until somebody asks for their order."""

    __slots__ = ("members", "ordered")

    def __init__(self) -> None:
        self.members: set[Place] = set()
        self.ordered: SortedKeys | None = None

    def add(self, place: Place) -> None:
        self.members.add(place)
        if self.ordered is not None:
            self.ordered.add(place)

    def remove(self, place: Place) -> None:
        self.members.remove(place)
        if self.ordered is not None:
            self.ordered.remove(place)

    def sorted(self) -> SortedKeys:
        if self.ordered is None:
            self.ordered = SortedKeys(self.members)
        return self.ordered


class Order:
    """Every partition of a table and of its indexes."""

    def __init__(self, schema: TableSchema) -> None:
        self._table: dict[str, _Partition] = {}
        self._indexes: list[tuple[str, str, dict[str, _Partition]]] = []
        self._keys = frozenset(name for i in schema.indexes for name in (i.partition, i.sort))
        self._by_name: dict[str, dict[str, _Partition]] = {}
        for index in schema.indexes:
            partitions: dict[str, _Partition] = {}
            self._indexes.append((index.partition, index.sort, partitions))
            self._by_name[index.name] = partitions

    def move(
        self, key: tuple[str, str], old: Stored | None, new: Stored | None, names: Names
    ) -> None:
        """An item was written, of which these attributes changed: put it in its places and take it
        out of those it left."""
        if names is not None and self._keys.isdisjoint(names):
            return
        pk, sk = key
        if old is None:
            _add(self._table, pk, (sk, pk, sk))
        elif new is None:
            _remove(self._table, pk, (sk, pk, sk))
        for partition, sort, partitions in self._indexes:
            before = _index_key(old, partition, sort)
            after = _index_key(new, partition, sort)
            if before != after:
                if before is not None:
                    _remove(partitions, before[0], (before[1], pk, sk))
                if after is not None:
                    _add(partitions, after[0], (after[1], pk, sk))

    def places(self, query: Query, index: IndexSchema | None, most: int) -> list[Place]:
        """Up to `most` places of a query, in its order."""
        start, stop = _bounds(query)
        after = place_after(query, index)
        if after is not None and query.descending:
            stop = after
        elif after is not None:
            start = (*after, "")
        partitions = self._table if index is None else self._by_name[index.name]
        partition = partitions.get(query.partition)
        if partition is None:
            return []
        found: Iterator[Any] = partition.sorted().between(start, stop, query.descending)
        return list(islice(found, most))


def _index_key(item: Stored | None, partition: str, sort: str) -> tuple[str, Any] | None:
    if item is None or partition not in item or sort not in item:
        return None
    return item[partition], item[sort]


def _add(partitions: dict[str, _Partition], name: str, place: Place) -> None:
    partition = partitions.get(name)
    if partition is None:
        partition = partitions[name] = _Partition()
    partition.add(place)


def _remove(partitions: dict[str, _Partition], name: str, place: Place) -> None:
    partition = partitions[name]
    partition.remove(place)
    if not partition.members:
        del partitions[name]


def _bounds(query: Query) -> tuple[tuple[Any, ...] | None, tuple[Any, ...] | None]:
    """A query's range as tuples: start ≤ place < stop."""
    if query.begins:
        following = _successor(query.begins)
        return (query.begins,), (following,) if following is not None else None
    start = None if query.low is None else (query.low,)
    return start, None if query.high is None else (query.high, _TOP)


def _successor(prefix: str) -> str | None:
    """The least text greater than everything that begins with `prefix`."""
    for end in range(len(prefix), 0, -1):
        point = ord(prefix[end - 1]) + 1
        if point <= 0x10FFFF:
            return prefix[: end - 1] + chr(point)
    return None
