"""A deployment as functions on AWS find it: their environment, and moto behind every client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from moto import mock_aws

from lambdas import bootstrap
from lambdas.adapters.aws import clients
from lambdas.core.tables import CAPACITY, CATALOG, JOBS
from lambdas.services.catalog_entries import Author
from lambdas.settings import Settings
from tests.moto_tables import create_table

CALLER = "arn:aws:iam::123456789012:user/tester"
BODY = {"jobName": "hello", "jobQueue": "default", "jobDefinition": "task"}
TRIGGER = {"id": "t", "bucket": "in", "prefix": "weather/", "suffix": ".csv", "submitJob": BODY}


@contextmanager
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One environment, the queue `default` and the definition `task`, through `bootstrap` alone."""
    with mock_aws():
        settings = _settings()
        for name, value in settings.to_env().items():
            monkeypatch.setenv(name, value)
        _forget()
        _fill()
        yield
    _forget()


def _settings() -> Settings:
    dynamo, sqs = boto3.client("dynamodb"), boto3.client("sqs")
    for schema in (JOBS, CATALOG, CAPACITY):
        create_table(dynamo, f"yard-{schema.name}", schema)
    bell = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    boto3.client("s3").create_bucket(Bucket="yard-blobs")
    boto3.client("ecs").create_cluster(clusterName="yard")
    return Settings(
        deployment="yard",
        partition="aws",
        region="us-east-1",
        account="123456789012",
        jobs_table="yard-jobs",
        catalog_table="yard-catalog",
        capacity_table="yard-capacity",
        cluster="yard",
        blob_bucket="yard-blobs",
        bell_queue=sqs.create_queue(QueueName="bell.fifo", Attributes=bell)["QueueUrl"],
        effects_queue=sqs.create_queue(QueueName="effects")["QueueUrl"],
        rejected_queue=sqs.create_queue(QueueName="rejected")["QueueUrl"],
        execution_role="arn:aws:iam::123456789012:role/batchyard/jobs/execution",
        pass_roles=("*",),
        subnets=("subnet-1",),
        security_groups=("sg-1",),
    )


def _forget() -> None:
    """A process keeps what it built; the next test is another process."""
    clients.client.cache_clear()
    for name in ("settings", "ports", "platform", "api", "intake", "declare"):
        getattr(bootstrap, name).cache_clear()


def _fill() -> None:
    platform, author = bootstrap.platform(), Author(CALLER)
    resources = {
        "type": "FARGATE",
        "maxvCpus": 16,
        "subnets": ["subnet-1"],
        "securityGroupIds": ["sg-1"],
    }
    platform.environments.create(
        {
            "computeEnvironmentName": "fargate",
            "type": "MANAGED",
            "state": "ENABLED",
            "computeResources": resources,
        },
        author,
    )
    order = [{"order": 1, "computeEnvironment": "fargate"}]
    platform.queues.create(
        {"jobQueueName": "default", "priority": 1, "computeEnvironmentOrder": order}, author
    )
    container = {
        "image": "busybox",
        "command": ["true"],
        "resourceRequirements": [
            {"type": "VCPU", "value": "0.25"},
            {"type": "MEMORY", "value": "512"},
        ],
    }
    platform.definitions.register(
        {
            "jobDefinitionName": "task",
            "type": "container",
            "platformCapabilities": ["FARGATE"],
            "containerProperties": container,
        },
        author,
    )
