"""DynamoDB tables made from a TableSchema, as the stacks make them."""

from __future__ import annotations

from typing import Any

from lambdas.core.tables import IndexSchema, TableSchema


def create_table(client: Any, name: str, schema: TableSchema) -> None:
    """Create one table with its indexes and stream, in on-demand mode."""
    wanted: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _keys("pk", "sk"),
        "AttributeDefinitions": _attributes(schema),
    }
    if schema.indexes:
        wanted["GlobalSecondaryIndexes"] = [_index(index) for index in schema.indexes]
    if schema.stream:
        wanted["StreamSpecification"] = {
            "StreamEnabled": True,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
    client.create_table(**wanted)


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


def _attributes(schema: TableSchema) -> list[dict[str, str]]:
    kinds = {"pk": "S", "sk": "S"}
    for index in schema.indexes:
        kinds |= {index.partition: "S", index.sort: "N" if index.numeric_sort else "S"}
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()]


def _index(index: IndexSchema) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": "KEYS_ONLY"}
    if index.carries:
        projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.carries)}
    return {
        "IndexName": index.name,
        "KeySchema": _keys(index.partition, index.sort),
        "Projection": projection,
    }
