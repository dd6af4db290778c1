"""Every port on the embedded cloud: the contract suite itself, over one MiniStack without stacks."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from itertools import count
from types import ModuleType

import boto3
import pytest

from local.launch import Launch
from local.ports import Ports
from local.running import answers, stop
from tests.conftest import REGION
from tests.contract import conftest as contract
from tests.contract import worlds
from tests.e2e.yard import ROOT, eventually

clock, meter = contract.clock, contract.meter
table, tables, blobs = contract.table, contract.tables, contract.blobs
inboxes, tasks = contract.inboxes, contract.tasks

#: MiniStack takes an access key of twelve digits for an account, and keeps accounts apart.
_accounts = (f"{number:012d}" for number in count(200_000_000_000))


class Contract(pytest.Module):
    """The tests of a module of tests/contract, as part of the file that imports it."""

    def _getobj(self) -> ModuleType:
        return importlib.import_module(f"tests.contract.{self.name}")

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Those that run in a world; the others are about one adapter."""
        for item in super().collect():
            if isinstance(item, pytest.Function) and "where" in item.fixturenames:
                yield item


def pytest_pycollect_makeitem(
    collector: pytest.Collector, name: str, obj: object
) -> pytest.Collector | None:
    if not isinstance(obj, ModuleType) or not name.startswith("test_"):
        return None
    nodeid = f"{collector.nodeid}::{name}"
    found: Contract = Contract.from_parent(collector, path=collector.path, name=name, nodeid=nodeid)
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    worlds.live_in(["cloud"], metafunc)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    worlds.expect_differences(items)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of an empty cloud, which ends with this process, however that goes."""
    state = tmp_path_factory.mktemp("cloud")
    launch = Launch(
        root=ROOT,
        state=state,
        ports=Ports.free(),
        auth=False,
        runtime="process",
        owned=True,
        say=lambda _: None,
    )
    try:
        launch.begin()
        eventually(lambda: answers(launch.endpoint), 30, (state / "logs/cloud.log").read_text)
        yield launch.endpoint
    finally:
        stop(state)


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """One for all tests: a new one reads botocore's models again."""
    return boto3.Session(region_name=REGION)


@pytest.fixture
def where(
    cloud: str, session: boto3.Session, aws_environment: None, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Every boto3 client of the test reaches the cloud, in an account that is the test's alone."""
    session._session.set_credentials(next(_accounts), "test")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud)
    return "cloud"
