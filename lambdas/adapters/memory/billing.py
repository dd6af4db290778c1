"""Counts what DynamoDB would have billed for an operation on a memory table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lambdas.adapters.meter import Meter
from lambdas.core import metering
from lambdas.core.rows import Row
from lambdas.core.tables import IndexSchema, Item, Query, TableSchema

#: An item before and after a write, and the names of what changed (None: any may have).
Written = tuple[Row | None, Row | None, Iterable[str] | None]


class Billing:
    """The bill of one table, written to a meter."""

    def __init__(self, schema: TableSchema, meter: Meter) -> None:
        self._name = schema.name
        self._meter = meter
        self._all = schema.indexes
        self._touching: dict[str, list[IndexSchema]] = {}  #: indexes by what they hold
        for index in schema.indexes:
            for name in (index.partition, index.sort, *index.carries):
                self._touching.setdefault(name, []).append(index)

    def reads(self, operation: str, items: Sequence[Row | None]) -> None:
        """Strong reads by key: each item is rounded up for itself."""
        units, heard = 0, self._meter.on_read
        for item in items:
            cost = 1 if item is None else metering.strong_units(metering.item_size(item))
            units += cost
            if heard and item is not None:
                heard(self._name, item["pk"], cost)
        self._meter.count("dynamodb", operation, self._name, read_units=units)

    def query(self, query: Query, items: Sequence[Item]) -> None:
        """The items of a page are added up; an index is read eventually, at half the price."""
        units = metering.read_units(map(metering.item_size, items), strong=query.index is None)
        if self._meter.on_read:
            self._meter.on_read(query.index or self._name, query.partition, units)
        on_table = query.index is None
        self._meter.count("dynamodb", "Query", self._name, read_units=units if on_table else 0.0)
        if not on_table:
            self._meter.count("dynamodb", "Query", self._name, query.index, read_units=units)

    def writes(self, operation: str, written: Sequence[Written], times: int = 1) -> None:
        """One call's writes; `times` is 2 in a transaction."""
        units, heard = 0, self._meter.on_write
        of_indexes: dict[str, int] = {}
        for old, new, names in written:
            cost = _write(old, new, names)
            units += cost
            item = new or old
            if heard and item is not None:
                heard(self._name, item["pk"], times * cost)
            for index in self._touched(old, new, names):
                cost = metering.index_units(index, old, new)
                if cost:
                    if heard:
                        heard(index.name, _partition(index, old, new), cost)
                    of_indexes[index.name] = of_indexes.get(index.name, 0) + cost
        self._meter.count("dynamodb", operation, self._name, write_units=times * units)
        for name, cost in of_indexes.items():
            self._meter.count("dynamodb", operation, self._name, name, write_units=cost)

    def _touched(
        self, old: Row | None, new: Row | None, names: Iterable[str] | None
    ) -> Sequence[IndexSchema]:
        """The indexes that may have to change."""
        if new is old:
            return ()
        if names is None:
            return self._all
        touching = self._touching
        found = [index for name in names if name in touching for index in touching[name]]
        return found if len(found) < 2 else list({index.name: index for index in found}.values())


def _partition(index: IndexSchema, old: Row | None, new: Row | None) -> str:
    """Where the entry is, or was."""
    here = new if new is not None and index.partition in new else old
    return "" if here is None else str(here.get(index.partition))


def _write(old: Row | None, new: Row | None, names: Iterable[str] | None) -> int:
    """One write's units: of the larger of both."""
    before = 0 if old is None else metering.item_size(old)
    if new is None:
        return metering.units_of_write(before)
    if new.size is None and names is not None and old is not None:
        new.size = before + metering.growth(old, new, names)
    return metering.units_of_write(max(before, metering.item_size(new)))
