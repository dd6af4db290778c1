"""What must never be lost: keys that do not move, protection that stays on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lambdas.core.tables import CAPACITY, CATALOG, JOBS, TableSchema
from tests.infrastructure.conftest import Templates
from tests.infrastructure.reading import resources

STATEFUL = ("AWS::DynamoDB::Table", "AWS::S3::Bucket")
FROZEN = Path(__file__).parent / "stateful_ids.json"


def test_logical_ids_of_what_holds_data_never_change(templates: Templates) -> None:
    """A changed logical id replaces the resource: a table, with every job in it."""
    found = {
        name: resource["Type"]
        for name, resource in templates["data"]["Resources"].items()
        if resource["Type"] in STATEFUL
    }
    assert found == json.loads(FROZEN.read_text())


def test_only_the_data_stack_holds_data(templates: Templates) -> None:
    for stack in ("compute", "control-plane", "workload", "observability"):
        kinds = {resource["Type"] for resource in templates[stack]["Resources"].values()}
        assert not kinds.intersection(STATEFUL)


def test_data_outlives_its_stack(templates: Templates) -> None:
    for resource in templates["data"]["Resources"].values():
        if resource["Type"] in STATEFUL:
            assert resource["DeletionPolicy"] == "Retain"
            assert resource["UpdateReplacePolicy"] == "Retain"
    for table in resources(templates["data"], "AWS::DynamoDB::Table").values():
        assert table["DeletionProtectionEnabled"] is True
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
        assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_on_a_laptop_data_goes_with_its_stack(local_templates: Templates) -> None:
    for resource in local_templates["data"]["Resources"].values():
        if resource["Type"] in STATEFUL:
            assert resource["DeletionPolicy"] == "Delete"


@pytest.mark.parametrize(
    ("name", "schema"), [("Jobs", JOBS), ("Catalog", CATALOG), ("Capacity", CAPACITY)]
)
def test_tables_are_what_the_core_says(
    templates: Templates, name: str, schema: TableSchema
) -> None:
    tables = resources(templates["data"], "AWS::DynamoDB::Table")
    (table,) = (properties for id_, properties in tables.items() if id_.startswith(name))
    assert _keys(table) == {"HASH": "pk", "RANGE": "sk"}
    assert ("StreamSpecification" in table) == schema.stream
    expires = table.get("TimeToLiveSpecification")
    assert expires == ({"AttributeName": "expires", "Enabled": True} if schema.expires else None)
    kinds = {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]}
    indexes = {index["IndexName"]: index for index in table.get("GlobalSecondaryIndexes", ())}
    assert set(indexes) == {index.name for index in schema.indexes}
    for index in schema.indexes:
        made = indexes[index.name]
        assert _keys(made) == {"HASH": index.partition, "RANGE": index.sort}
        assert kinds[index.sort] == ("N" if index.numeric_sort else "S")
        assert tuple(made["Projection"].get("NonKeyAttributes", ())) == index.carries


def test_streams_show_both_images(templates: Templates) -> None:
    for table in resources(templates["data"], "AWS::DynamoDB::Table").values():
        if "StreamSpecification" in table:
            assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_buckets_are_private_encrypted_and_demand_tls(templates: Templates) -> None:
    buckets = resources(templates["data"], "AWS::S3::Bucket")
    policies = resources(templates["data"], "AWS::S3::BucketPolicy")
    assert len(buckets) == len(policies) == 3
    for bucket in buckets.values():
        assert all(bucket["PublicAccessBlockConfiguration"].values())
        assert "BucketEncryption" in bucket
    for policy in policies.values():
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_the_input_bucket_sends_events(templates: Templates) -> None:
    talks = {
        name
        for name, bucket in resources(templates["data"], "AWS::S3::Bucket").items()
        if "NotificationConfiguration" in bucket
    }
    assert len(talks) == 1
    assert talks.pop().startswith("Input")


def _keys(table: object) -> dict[str, str]:
    assert isinstance(table, dict)
    return {key["KeyType"]: key["AttributeName"] for key in table["KeySchema"]}
