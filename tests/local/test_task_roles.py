"""Where IAM is enforced, a task acts as its role, if that trusts ECS; and no other role is run."""

from __future__ import annotations

import json

import pytest
from ministack.core import responses
from ministack.services import ecs, eventbridge, iam, sts

from local.ecs import EcsHalf
from local.ecs_events import Emitter
from local.ecs_roles import TaskRoles

ROLE = "arn:aws:iam::000000000000:role/batchyard/jobs/acting"


def trust(service: str) -> str:
    principal = {"Service": service}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def call(monkeypatch):
    """ECS with a definition `job` that has `ROLE`."""
    monkeypatch.setattr(ecs, "_get_docker", ecs._get_docker)
    for name in ("_run_task", "_stop_task"):
        monkeypatch.setattr(ecs, name, getattr(ecs, name))
    actions = dict(ecs._ACTION_MAP)
    emitter = Emitter(eventbridge, responses)
    EcsHalf(ecs, emitter, roles=TaskRoles(iam, sts)).install()

    def call(action, **data):
        status, _, body = ecs._ACTION_MAP[action](data)
        return status, json.loads(body)

    call("CreateCluster", clusterName="batch")
    call(
        "RegisterTaskDefinition",
        family="job",
        cpu="256",
        memory="512",
        requiresCompatibilities=["FARGATE"],
        taskRoleArn=ROLE,
        containerDefinitions=[{"name": "default", "image": "busybox"}],
    )
    yield call
    emitter.drain()
    ecs._ACTION_MAP.clear()
    ecs._ACTION_MAP.update(actions)
    for service in (ecs, iam, eventbridge):
        service.reset()
    sts._sessions.clear()


def role(service: str = "ecs-tasks.amazonaws.com") -> None:
    path = "/batchyard/jobs/"
    document = trust(service)
    iam._create_role({"RoleName": "acting", "Path": path, "AssumeRolePolicyDocument": document})


def run(call):
    return call("RunTask", cluster="batch", taskDefinition="job", launchType="FARGATE")


def test_the_agent_is_given_keys_of_the_role(call):
    role()
    _, answer = run(call)
    (order,) = call("Poll")[1]["start"]
    keys = order["credentials"]
    task = answer["tasks"][0]["taskArn"].rsplit("/", 1)[-1]
    session = sts._sessions[keys["AWS_ACCESS_KEY_ID"]]
    assert session["Arn"] == f"arn:aws:sts::000000000000:assumed-role/acting/{task}"
    assert session["SecretAccessKey"] == keys["AWS_SECRET_ACCESS_KEY"]
    assert call("Poll")[1]["start"][0]["credentials"] == keys


def test_a_role_that_does_not_exist_runs_nothing(call):
    status, answer = run(call)
    assert (status, answer["__type"]) == (400, "ClientException")
    assert f"unable to assume the role '{ROLE}'" in answer["message"]


def test_a_role_that_trusts_another_service_runs_nothing(call):
    role("lambda.amazonaws.com")
    assert run(call)[0] == 400
