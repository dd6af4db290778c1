"""Every port, once on memory and once on AWS as moto plays it (or as the embedded cloud does)."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws
from moto.moto_api import state_manager

from lambdas.adapters.aws.blobs import S3Blobs
from lambdas.adapters.aws.inboxes import SqsInboxes
from lambdas.adapters.aws.table import DynamoTable
from lambdas.adapters.aws.tables import DynamoTables
from lambdas.adapters.aws.tasks import EcsTasks
from lambdas.adapters.memory.blobs import MemoryBlobs
from lambdas.adapters.memory.clock import VirtualClock
from lambdas.adapters.memory.inboxes import MemoryInboxes
from lambdas.adapters.memory.table import MemoryTable
from lambdas.adapters.memory.tables import MemoryTables
from lambdas.adapters.memory.tasks import MemoryTasks
from lambdas.adapters.meter import Meter
from lambdas.core.ports import Blobs, Inboxes, Table, Tables, Tasks
from lambdas.core.tables import CAPACITY, CATALOG, JOBS
from tests.conftest import REGION
from tests.contract import worlds
from tests.moto_tables import create_table


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    worlds.live_in(["memory", "moto"], metafunc)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    worlds.expect_differences(items)


@pytest.fixture
def where(request: pytest.FixtureRequest, aws_environment: None) -> Iterator[str]:
    """The world a test runs in; in AWS's, every boto3 client reaches it."""
    if request.param == "memory":
        yield "memory"
        return
    with mock_aws():
        yield "moto"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def meter() -> Meter:
    return Meter()


@pytest.fixture
def table(where: str, meter: Meter) -> Table:
    """A table with every kind of index: the jobs table's schema."""
    if where == "memory":
        return MemoryTable(JOBS, meter)
    client = boto3.client("dynamodb", region_name=REGION)
    create_table(client, "yard-jobs", JOBS)
    return DynamoTable(client, "yard-jobs", JOBS, meter, pause=_no_pause)


@pytest.fixture
def tables(where: str) -> Tables:
    if where == "memory":
        return MemoryTables()
    client = boto3.client("dynamodb", region_name=REGION)
    for schema in (JOBS, CATALOG, CAPACITY):
        create_table(client, f"yard-{schema.name}", schema)
    return DynamoTables(client, jobs="yard-jobs", catalog="yard-catalog", capacity="yard-capacity")


@pytest.fixture
def inboxes(where: str, clock: VirtualClock) -> Inboxes:
    if where == "memory":
        return MemoryInboxes(clock)
    client = boto3.client("sqs", region_name=REGION)
    return SqsInboxes(client, tags={"batchyard:deployment": "yard"}, pause=_no_pause)


@pytest.fixture
def tasks(where: str, clock: VirtualClock) -> Iterator[Tasks]:
    if where == "memory":
        yield MemoryTasks(clock)
        return
    client = boto3.client("ecs", region_name=REGION)
    client.create_cluster(clusterName="yard")
    # moto's tasks age with every look at them, unless told not to
    state_manager.set_transition("ecs::task", {"progression": "manual", "times": 1000})
    yield EcsTasks(client, "yard")
    state_manager.unset_transition("ecs::task")


@pytest.fixture
def blobs(where: str) -> Blobs:
    if where == "memory":
        return MemoryBlobs()
    client = boto3.client("s3", region_name=REGION)
    bucket = f"yard-blobs-{uuid4()}"  # the accounts of a cloud share one space of names
    client.create_bucket(Bucket=bucket)
    return S3Blobs(client, bucket)


def _no_pause(seconds: float) -> None:
    """Tests do not wait."""
