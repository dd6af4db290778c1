"""Whatever is written, in whatever order: memory and the embedded cloud tell the same story.

Answers, errors, items, queries and the stream's records. What both might share as a mistake, moto
tells apart: tests/contract/test_table_twins.py runs the same sequences over it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings

from lambdas.adapters.aws.table import DynamoTable
from lambdas.adapters.aws.wire import from_wire
from lambdas.adapters.memory.table import MemoryTable
from lambdas.core.tables import JOBS, Key, Write
from tests.contract.test_table_twins import outcome, seen, sequences
from tests.moto_tables import create_table

Image = Mapping[str, Any] | None

_names = (f"twin-{number}" for number in count())


@pytest.fixture
def clients(where: str) -> tuple[Any, Any]:
    """DynamoDB, and its streams."""
    return boto3.client("dynamodb"), boto3.client("dynamodbstreams")


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sequences)
def test_memory_and_the_cloud_are_one(
    clients: tuple[Any, Any], steps: list[Write | list[Write]]
) -> None:
    dynamo, streams = clients
    name = next(_names)
    create_table(dynamo, name, JOBS)
    try:
        memory, cloud = MemoryTable(JOBS), DynamoTable(dynamo, name, JOBS)
        for step in steps:
            assert outcome(memory, step) == outcome(cloud, step), step
        assert seen(memory) == seen(cloud)
        story = [(change.key, change.old, change.new) for change in memory.drain()]
        assert by_item(story) == by_item(told(dynamo, streams, name))
    finally:
        dynamo.delete_table(TableName=name)


def by_item(story: list[tuple[Key, Image, Image]]) -> dict[Key, list[tuple[Image, Image]]]:
    """A stream is in order for each item, and for no two."""
    items: dict[Key, list[tuple[Image, Image]]] = {}
    for key, old, new in story:
        items.setdefault(key, []).append((old, new))
    return items


def told(dynamo: Any, streams: Any, name: str) -> list[tuple[Key, Image, Image]]:
    arn = dynamo.describe_table(TableName=name)["Table"]["LatestStreamArn"]
    return [_change(record["dynamodb"]) for record in _records(streams, arn)]


def _records(streams: Any, arn: str) -> Iterator[Mapping[str, Any]]:
    shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    for shard in shards:
        after = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while after:
            page = streams.get_records(ShardIterator=after)
            yield from page["Records"]
            after = page.get("NextShardIterator") if page["Records"] else None


def _change(record: Mapping[str, Any]) -> tuple[Key, Image, Image]:
    key = from_wire(record["Keys"])
    images = (record.get(name) for name in ("OldImage", "NewImage"))
    old, new = (None if image is None else from_wire(image) for image in images)
    return Key(key["pk"], key["sk"]), old, new
