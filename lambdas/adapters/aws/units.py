"""Reads what DynamoDB says it consumed (`ReturnConsumedCapacity`) into a meter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.adapters.meter import Meter
from lambdas.core import metering
from lambdas.core.tables import Item


class Units:
    """The units of one deployment's tables: `names` gives a real name its schema's."""

    def __init__(self, meter: Meter | None, names: Mapping[str, str]) -> None:
        self._meter = meter
        self._names = names

    @property
    def wanted(self) -> dict[str, Any]:
        """The request's part that asks for the numbers."""
        return {"ReturnConsumedCapacity": "INDEXES"} if self._meter else {}

    def read(self, operation: str, answer: Mapping[str, Any]) -> None:
        self._count(operation, answer, "read_units")

    def write(self, operation: str, answer: Mapping[str, Any]) -> None:
        self._count(operation, answer, "write_units")

    def refused(self, operation: str, table: str, item: Item | None) -> None:
        """A refused condition is billed by the item that stood there; the error does not say it."""
        if self._meter:
            units = metering.write_units(item, item)
            self._meter.count("dynamodb", operation, self._names[table], write_units=units)

    def refused_transaction(self, tables: Sequence[str]) -> None:
        """At least the least: what stood there is not known."""
        if self._meter:
            for table in dict.fromkeys(tables):
                units = metering.TRANSACTION * tables.count(table)
                name = self._names[table]
                self._meter.count("dynamodb", "TransactWriteItems", name, write_units=units)

    def _count(self, operation: str, answer: Mapping[str, Any], kind: str) -> None:
        if not self._meter:
            return
        told = answer.get("ConsumedCapacity") or ()
        for one in told if isinstance(told, Sequence) else (told,):
            name = self._names.get(one.get("TableName", ""), one.get("TableName", ""))
            for index, units in _parts(one).items():
                self._meter.count("dynamodb", operation, name, index, **{kind: units})


def _parts(told: Mapping[str, Any]) -> dict[str | None, float]:
    """The units of the table (None) and of each index: the table's as told, else what is left."""
    indexes = told.get("GlobalSecondaryIndexes") or {}
    units = {index: float(part.get("CapacityUnits", 0.0)) for index, part in indexes.items()}
    left = float(told.get("CapacityUnits", 0.0)) - sum(units.values())
    return {None: float(told.get("Table", {}).get("CapacityUnits", left)), **units}
