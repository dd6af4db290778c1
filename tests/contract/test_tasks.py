"""The Tasks port: ECS in one cluster."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from lambdas.adapters.aws.tasks import EcsTasks
from lambdas.core.errors import ClientError, TaskConflict, TaskRefused
from lambdas.core.ports import Tasks

DEFINITION = {
    "family": "yard-hello",
    "requiresCompatibilities": ["FARGATE"],
    "networkMode": "awsvpc",
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [{"name": "default", "image": "busybox", "memory": 512}],
}


def request(definition: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "taskDefinition": definition,
        "launchType": "FARGATE",
        "clientToken": f"token-{number}",
        "startedBy": f"job-{number}/run",
        "networkConfiguration": {
            "awsvpcConfiguration": {"subnets": [_subnet()], "securityGroups": []}
        },
        "overrides": {"containerOverrides": [{"name": "default", "command": ["true"]}]},
        **more,
    }


def _subnet() -> str:
    """moto looks it up; nothing else does."""
    try:
        return str(boto3.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"])
    except Exception:
        return "subnet-1"


@pytest.fixture
def subnet(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = _subnet() if where == "moto" else "subnet-1"
    monkeypatch.setattr(f"{__name__}._subnet", lambda: name)


pytestmark = pytest.mark.usefixtures("subnet")


@pytest.fixture
def definition(tasks: Tasks) -> str:
    return tasks.register(DEFINITION)


def test_a_definition_has_revisions(tasks: Tasks, definition: str) -> None:
    assert definition.endswith(":task-definition/yard-hello:1")
    assert tasks.register(DEFINITION).endswith(":task-definition/yard-hello:2")


def test_deregistering_is_never_an_error(tasks: Tasks, definition: str) -> None:
    tasks.deregister(definition)
    tasks.deregister(definition)
    tasks.deregister("arn:aws:ecs:us-east-1:123456789012:task-definition/nothing:1")


@pytest.mark.parametrize("missing", ["family", "containerDefinitions"])
def test_a_refused_definition_is_told_in_ecs_words(tasks: Tasks, missing: str) -> None:
    wrong = {name: value for name, value in DEFINITION.items() if name != missing}
    with pytest.raises(ClientError) as refused:
        tasks.register(wrong)
    assert refused.value.message


def test_a_task_is_run_and_described(tasks: Tasks, definition: str) -> None:
    arn = tasks.run(request(definition))
    assert ":task/" in arn
    gone = arn[:-4] + "0000"
    reports = tasks.describe([arn, gone])
    assert list(reports) == [arn]
    assert reports[arn].task == arn
    assert reports[arn].started_by == "job-1/run"
    assert reports[arn].status in ("PROVISIONING", "RUNNING")
    assert reports[arn].container.reason is None
    assert tasks.describe([]) == {}


def test_tasks_are_found_by_who_started_them(tasks: Tasks, definition: str) -> None:
    first = tasks.run(request(definition, 1))
    tasks.run(request(definition, 2))
    assert tasks.find("job-1/run") == [first]
    assert tasks.find("job-9/run") == []


def test_stopping_is_asked_once_and_never_an_error(tasks: Tasks, definition: str) -> None:
    arn = tasks.run(request(definition))
    tasks.stop(arn, "Cancelled")
    tasks.stop(arn, "Cancelled")
    assert tasks.find("job-1/run") == [arn]
    assert tasks.listing("RUNNING") == ([], None)
    assert tasks.listing("STOPPED") == ([arn], None)


def test_a_listing_has_pages(tasks: Tasks, definition: str) -> None:
    arns = {tasks.run(request(definition, n)) for n in range(120)}
    listed, after = tasks.listing("RUNNING")
    while after is not None:
        more, after = tasks.listing("RUNNING", after)
        listed += more
    assert len(listed) == 120
    assert set(listed) == arns
    assert set(tasks.describe(listed)) == arns


# ── client tokens and refusals ────────────────────────────────────────────────────────────────

NO_TOKENS = "ignores client tokens"


@pytest.mark.differs("moto", NO_TOKENS)
def test_one_token_makes_one_task(tasks: Tasks, definition: str) -> None:
    wanted = request(definition)
    arn = tasks.run(wanted)
    assert tasks.run(dict(wanted)) == arn
    assert tasks.run({**wanted, "clientToken": "other"}) != arn
    assert len(tasks.find("job-1/run")) == 2


@pytest.mark.differs("moto", NO_TOKENS)
def test_a_token_with_another_request_names_the_task_it_made(tasks: Tasks, definition: str) -> None:
    arn = tasks.run(request(definition))
    with pytest.raises(TaskConflict) as conflict:
        tasks.run({**request(definition), "startedBy": "job/other"})
    assert conflict.value.task == arn
    assert tasks.find("job/other") == []


@pytest.mark.differs("moto", NO_TOKENS)
def test_a_token_outlives_its_tasks_end(tasks: Tasks, definition: str) -> None:
    arn = tasks.run(request(definition))
    tasks.stop(arn, "Cancelled")
    assert tasks.run(request(definition)) == arn


@pytest.mark.parametrize(
    "fault",
    [
        {"clientToken": "x" * 65},
        {"startedBy": "x" * 129},
        {"startedBy": "job:1/run"},
        {"overrides": {"containerOverrides": [{"name": "default", "command": ["x" * 8192]}]}},
    ],
    ids=["long token", "long starter", "odd starter", "long overrides"],
)
@pytest.mark.differs("moto", "checks neither lengths nor alphabets")
def test_what_ecs_never_accepts(tasks: Tasks, definition: str, fault: dict[str, Any]) -> None:
    with pytest.raises(TaskRefused):
        tasks.run({**request(definition), **fault})
    assert tasks.listing("RUNNING") == ([], None)


@pytest.mark.parametrize("wanted", ["yard-nothing:1", "yard-hello:2"])
def test_a_definition_that_is_not_there_is_refused(
    tasks: Tasks, definition: str, wanted: str
) -> None:
    with pytest.raises(TaskRefused):
        tasks.run(request(wanted))


@pytest.mark.differs("moto", "runs inactive definitions")
def test_an_inactive_definition_is_refused(tasks: Tasks, definition: str) -> None:
    tasks.deregister(definition)
    with pytest.raises(TaskRefused):
        tasks.run(request(definition))


def test_the_real_adapter_names_its_cluster(aws_environment: None) -> None:
    """The frozen request says nothing of a cluster."""
    client = boto3.client("ecs")
    asked: dict[str, Any] = {}

    def answer(**wanted: Any) -> dict[str, Any]:
        asked.update(wanted)
        return {"tasks": [{"taskArn": "arn:task"}]}

    client.run_task = answer  # type: ignore[method-assign]
    assert EcsTasks(client, "yard").run({"taskDefinition": "d"}) == "arn:task"
    assert asked == {"cluster": "yard", "count": 1, "taskDefinition": "d"}
