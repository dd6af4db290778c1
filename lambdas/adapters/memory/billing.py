"""Counts what DynamoDB would have billed for an operation on a memory table."""

from __future__ import annotations

from collections.abc import Sequence

from lambdas.adapters.meter import Meter
from lambdas.core import metering
from lambdas.core.tables import Item, Query, TableSchema

#: An item before and after a write.
Pair = tuple[Item | None, Item | None]


class Billing:
    """The bill of one table, written to a meter."""

    def __init__(self, schema: TableSchema, meter: Meter) -> None:
        self._schema = schema
        self._meter = meter
        self._sizes: dict[int, tuple[Item, int]] = {}  #: of stored items, which never change
        self._indexes = [(i, (i.partition, i.sort, *i.carries)) for i in schema.indexes]

    def reads(self, operation: str, items: Sequence[Item | None]) -> None:
        """Strong reads by key: each item is rounded up for itself."""
        sizes = [self._size(item) for item in items]
        units = sum(metering.read_units([size], strong=True) for size in sizes)
        self._meter.count("dynamodb", operation, self._schema.name, read_units=units)

    def query(self, query: Query, items: Sequence[Item]) -> None:
        """The items of a page are added up; an index is read eventually, at half the price."""
        units = metering.read_units(map(metering.item_size, items), strong=query.index is None)
        name, on_table = self._schema.name, query.index is None
        self._meter.count("dynamodb", "Query", name, read_units=units if on_table else 0.0)
        if not on_table:
            self._meter.count("dynamodb", "Query", name, query.index, read_units=units)

    def writes(self, operation: str, pairs: Sequence[Pair], times: int = 1) -> None:
        """One call's writes; `times` is 2 in a transaction."""
        name = self._schema.name
        units = times * sum(self._write(old, new) for old, new in pairs)
        self._meter.count("dynamodb", operation, name, write_units=units)
        for index, carried in self._indexes:
            units = sum(
                metering.index_units(index, old, new)
                for old, new in pairs
                if _differs(old, new, carried)
            )
            if units:
                self._meter.count("dynamodb", operation, name, index.name, write_units=units)

    def forget(self, item: Item) -> None:
        """A stored item is gone, at no cost: it has expired."""
        self._sizes.pop(id(item), None)

    def _write(self, old: Item | None, new: Item | None) -> int:
        """One write's units; what is overwritten is not measured again."""
        units = metering.units_of_write(max(self._size(old), self._size(new)))
        if old is not None and old is not new:
            self._sizes.pop(id(old), None)
        return units

    def _size(self, item: Item | None) -> int:
        """Bytes of a stored item, measured once: its identity is its own while it is kept here."""
        if item is None:
            return 0
        known = self._sizes.get(id(item))
        if known is None:
            known = self._sizes[id(item)] = (item, metering.item_size(item))
        return known[1]


def _differs(old: Item | None, new: Item | None, names: Sequence[str]) -> bool:
    """Whether an index may have to change: one of its attributes is another."""
    if old is None or new is None:
        return True
    return any(old.get(name) != new.get(name) for name in names)
