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

    def reads(self, operation: str, items: Sequence[Item | None]) -> None:
        """Strong reads by key: each item is rounded up for itself."""
        sizes = [metering.item_size(item) if item else 0 for item in items]
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
        units = times * sum(metering.write_units(old, new) for old, new in pairs)
        self._meter.count("dynamodb", operation, name, write_units=units)
        for index in self._schema.indexes:
            units = sum(metering.index_units(index, old, new) for old, new in pairs)
            if units:
                self._meter.count("dynamodb", operation, name, index.name, write_units=units)
