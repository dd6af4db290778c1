"""The deployment's three tables in memory."""

from __future__ import annotations

from collections.abc import Sequence

from lambdas.adapters.memory.table import MemoryTable, transact
from lambdas.adapters.meter import Meter
from lambdas.core.tables import CAPACITY, CATALOG, JOBS, TableSchema, Write


class MemoryTables:
    """Jobs, catalog and capacity, and transactions that span them."""

    def __init__(self, meter: Meter | None = None) -> None:
        self.jobs = MemoryTable(JOBS, meter)
        self.catalog = MemoryTable(CATALOG, meter)
        self.capacity = MemoryTable(CAPACITY, meter)
        self._by_name = {t.schema.name: t for t in (self.jobs, self.catalog, self.capacity)}

    def transact(self, writes: Sequence[tuple[TableSchema, Write]]) -> None:
        transact([(self._by_name[schema.name], write) for schema, write in writes])
