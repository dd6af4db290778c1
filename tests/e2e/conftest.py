"""The end-to-end suite: the real templates on the embedded cloud, spoken to over real HTTP.

Every file shares the platform of its test process, but for those that harm theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.wire import Wire
from tests.e2e.yard import Yard, running

HERE = Path(__file__).parent

#: Beside what cdk.json declares: a trigger of ours, whose job says what it was told.
CONTEXT = {
    "batchyard:jobDefinitions": [
        {
            "name": "told",
            "parameters": {"inputKey": "", "inputBucket": ""},
            "containerProperties": {
                "image": "public.ecr.aws/docker/library/python:3.13-slim",
                "command": ["python3", "-c", "Ref::program", "Ref::inputBucket", "Ref::inputKey"],
                "resourceRequirements": [
                    {"type": "VCPU", "value": "0.25"},
                    {"type": "MEMORY", "value": "512"},
                ],
            },
        }
    ],
    "batchyard:triggers": [
        {
            "id": "told",
            "bucket": "input",
            "prefix": "told/",
            "submitJob": {
                "jobQueue": "default",
                "jobDefinition": "told",
                "parameters": {"program": (HERE / "told.py").read_text()},
            },
        }
    ],
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    state = tmp_path_factory.mktemp("yard")
    with running(state, context=CONTEXT, runtime="process") as platform:
        made = Yard(platform)
        made.define("sh", ["true"])
        yield made


@pytest.fixture(scope="session")
def send(yard: Yard) -> Wire:
    return Wire(yard.platform.batch_endpoint)
