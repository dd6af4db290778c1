"""The deployment's three tables on DynamoDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lambdas.adapters.aws.table import DynamoTable, action, transact
from lambdas.adapters.aws.units import Units
from lambdas.adapters.meter import Meter
from lambdas.adapters.rules import check_transaction
from lambdas.core.tables import CAPACITY, CATALOG, JOBS, TableSchema, Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoTables:
    """Jobs, catalog and capacity by their real names, and transactions that span them."""

    def __init__(
        self,
        client: DynamoDBClient,
        *,
        jobs: str,
        catalog: str,
        capacity: str,
        meter: Meter | None = None,
    ) -> None:
        self.jobs = DynamoTable(client, jobs, JOBS, meter)
        self.catalog = DynamoTable(client, catalog, CATALOG, meter)
        self.capacity = DynamoTable(client, capacity, CAPACITY, meter)
        self._client = client
        self._by_name = {t.schema.name: t for t in (self.jobs, self.catalog, self.capacity)}
        self._units = Units(meter, {t.name: t.schema.name for t in self._by_name.values()})

    def transact(self, writes: Sequence[tuple[TableSchema, Write]]) -> None:
        placed = [(self._by_name[schema.name], write) for schema, write in writes]
        check_transaction([(table.rules, write) for table, write in placed])
        actions = [action(table.name, write) for table, write in placed]
        transact(self._client, actions, self._units)
