"""What must never be lost: the tables and the buckets. Changes seldom, is protected and retained."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from constructs import Construct

from lambdas.core.tables import CAPACITY, CATALOG, JOBS, IndexSchema, TableSchema
from stacks.config import DeploymentConfig
from stacks.handover import give
from stacks.nag import acknowledge

_TEXT = dynamodb.AttributeType.STRING
_NUMBER = dynamodb.AttributeType.NUMBER


class DataStack(cdk.Stack):
    """Three tables, whose schemas are `lambdas.core.tables`', and three buckets.

    Blobs holds content too large for an item, Input takes uploads that may trigger jobs, Output
    is where jobs leave what they make.
    """

    def __init__(self, scope: Construct, construct_id: str, config: DeploymentConfig) -> None:
        super().__init__(scope, construct_id, description=f"Batchyard {config.deployment}: data")
        self._config = config
        jobs = self._table("Jobs", JOBS)
        catalog = self._table("Catalog", CATALOG)
        capacity = self._table("Capacity", CAPACITY)
        blobs = self._bucket("Blobs")
        incoming = self._bucket("Input", events=True)
        outgoing = self._bucket("Output")
        give(
            self,
            config,
            jobs_table=jobs.table_name,
            jobs_stream=jobs.table_stream_arn or "",
            catalog_table=catalog.table_name,
            capacity_table=capacity.table_name,
            blob_bucket=blobs.bucket_name,
            input_bucket=incoming.bucket_name,
            output_bucket=outgoing.bucket_name,
        )

    def _table(self, name: str, schema: TableSchema) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            name,
            partition_key=dynamodb.Attribute(name="pk", type=_TEXT),
            sort_key=dynamodb.Attribute(name="sk", type=_TEXT),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.DEFAULT,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=not self._config.ephemeral,
            removal_policy=self._removal(),
            time_to_live_attribute="expires" if schema.expires else None,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if schema.stream else None,
        )
        for index in schema.indexes:
            _add_index(table, index)
        return table

    def _bucket(self, name: str, *, events: bool = False) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            name,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=self._config.require_tls,
            versioned=False,
            lifecycle_rules=[
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=cdk.Duration.days(7))
            ],
            removal_policy=self._removal(),
        )
        acknowledge(
            bucket,
            "AwsSolutions-S1",
            "No access is anonymous; CloudTrail's data events log it where an account wants that.",
        )
        if events:
            # The L2 switch uses a custom resource written for Node; the property needs none.
            resource = bucket.node.default_child
            assert isinstance(resource, s3.CfnBucket)
            resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                    event_bridge_enabled=True
                )
            )
        return bucket

    def _removal(self) -> cdk.RemovalPolicy:
        return cdk.RemovalPolicy.DESTROY if self._config.ephemeral else cdk.RemovalPolicy.RETAIN


def _add_index(table: dynamodb.Table, index: IndexSchema) -> None:
    projection = (
        dynamodb.ProjectionType.INCLUDE if index.carries else dynamodb.ProjectionType.KEYS_ONLY
    )
    table.add_global_secondary_index(
        index_name=index.name,
        partition_key=dynamodb.Attribute(name=index.partition, type=_TEXT),
        sort_key=dynamodb.Attribute(name=index.sort, type=_NUMBER if index.numeric_sort else _TEXT),
        projection_type=projection,
        non_key_attributes=list(index.carries) or None,
    )
