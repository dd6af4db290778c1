"""Every accepted request comes back through Describe, as `fuzzing.told` says; one token, one job."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.handlers.fuzzing import requests, told
from tests.handlers.fuzzing.deployment import Deployment, deployed
from tests.handlers.fuzzing.profile import examples
from tests.handlers.fuzzing.shapes import SHAPES

#: Members of AWS Batch's requests that this platform refuses, each in a sentence.
NOT_HERE = {
    "RegisterJobDefinitionRequest": {
        *("nodeProperties", "eksProperties", "ecsProperties", "consumableResourceProperties"),
    },
    "ContainerProperties": {"vcpus", "memory", "privileged", "instanceType"},
    "ContainerOverrides": {"vcpus", "memory", "instanceType"},
    "CreateComputeEnvironmentRequest": {"unmanagedvCpus", "eksConfiguration", "ecsSettings"},
    "CreateJobQueueRequest": {"serviceEnvironmentOrder"},
}


@pytest.fixture(scope="module")
def deployment():
    with deployed() as made:
        yield made


def ok(deployment: Deployment, operation: str, **body: Any) -> dict[str, Any]:
    return deployment.client.ok(operation, **body)


def described(deployment: Deployment, operation: str, member: str, **body: Any) -> Any:
    return ok(deployment, operation, **body)[member]


def tagged(deployment: Deployment, arn: str) -> dict[str, str]:
    tags: dict[str, str] = deployment.client.tags("GET", arn).body["tags"]
    return tags


# ── job definitions ───────────────────────────────────────────────────────────────────────────


@examples(150)
@given(first=requests.definitions(), again=st.booleans(), other=requests.definitions())
def test_a_job_definition(deployment, first, again, other):
    deployment.anew()
    name = first["jobDefinitionName"]
    bodies = [first, {**other, "jobDefinitionName": name}] if again else [first]
    wanted = []
    for revision, body in enumerate(bodies, 1 + (name == "task")):
        answer = ok(deployment, "RegisterJobDefinition", **body)
        wanted.append(told.definition(body, revision))
        arn = wanted[-1]["jobDefinitionArn"]
        assert answer == {
            "jobDefinitionName": name,
            "jobDefinitionArn": arn,
            "revision": revision,
        }
        by_arn = described(
            deployment, "DescribeJobDefinitions", "jobDefinitions", jobDefinitions=[arn]
        )
        assert by_arn == wanted[-1:]
        assert tagged(deployment, arn) == body.get("tags", {})
    found = described(
        deployment, "DescribeJobDefinitions", "jobDefinitions", jobDefinitionName=name
    )
    assert found[: len(wanted)] == wanted[::-1]
    ok(deployment, "DeregisterJobDefinition", jobDefinition=wanted[0]["jobDefinitionArn"])
    (gone,) = described(
        deployment,
        "DescribeJobDefinitions",
        "jobDefinitions",
        jobDefinitions=[f"{name}:{wanted[0]['revision']}"],
    )
    assert gone == {**wanted[0], "status": "INACTIVE"}


def test_every_member_of_a_container_is_tried():
    parts = {*requests.CONTAINER_PARTS, "image", "resourceRequirements", "volumes", "mountPoints"}
    assert parts | NOT_HERE["ContainerProperties"] == set(SHAPES["ContainerProperties"]["members"])


# ── environments and queues ───────────────────────────────────────────────────────────────────


@examples(60)
@given(
    body=requests.environments().filter(lambda b: b["computeEnvironmentName"] != "fargate"),
    changes=st.lists(requests.environment_updates(st.just("e")), max_size=3),
)
def test_a_compute_environment(deployment, body, changes):
    deployment.anew()
    name, wanted = body["computeEnvironmentName"], told.environment(body)
    arn = wanted["computeEnvironmentArn"]
    answer = ok(deployment, "CreateComputeEnvironment", **body)
    assert answer == {"computeEnvironmentName": name, "computeEnvironmentArn": arn}
    assert tagged(deployment, arn) == body.get("tags", {})
    for change in [None, *changes]:
        if change:
            change = {**change, "computeEnvironment": name}
            ok(deployment, "UpdateComputeEnvironment", **change)
            wanted = told.updated_environment(wanted, change)
        (found,) = described(
            deployment,
            "DescribeComputeEnvironments",
            "computeEnvironments",
            computeEnvironments=[arn],
        )
        assert found.pop("uuid")
        assert found == wanted


ENVIRONMENTS = st.sampled_from(["fargate", told.arn("compute-environment", "more"), "most"])


@examples(60)
@given(
    body=requests.queues(requests.NAMES.filter(lambda name: name != "default"), ENVIRONMENTS),
    changes=st.lists(requests.queue_updates(st.just("q"), ENVIRONMENTS), max_size=3),
)
def test_a_job_queue(deployment, body, changes):
    world = deployment.anew()
    world.environment("more")
    world.environment("most", kind="FARGATE_SPOT")
    name, wanted = body["jobQueueName"], told.queue(body)
    arn = wanted["jobQueueArn"]
    answer = ok(deployment, "CreateJobQueue", **body)
    assert answer == {"jobQueueName": name, "jobQueueArn": arn}
    assert tagged(deployment, arn) == body.get("tags", {})
    for change in [None, *changes]:
        if change:
            change = {**change, "jobQueue": name}
            ok(deployment, "UpdateJobQueue", **change)
            wanted = told.updated_queue(wanted, change)
        found = described(deployment, "DescribeJobQueues", "jobQueues", jobQueues=[name])
        assert found == [wanted]


# ── jobs ──────────────────────────────────────────────────────────────────────────────────────


@examples(150)
@given(data=st.data(), definition=requests.definitions())
def test_a_job(deployment, data, definition):
    """Whatever its definition says and the job overrides; and it runs to its end."""
    world = deployment.anew()
    name = definition["jobDefinitionName"]
    revision = ok(deployment, "RegisterJobDefinition", **definition)["revision"]
    waits = st.sampled_from([world.submit(), world.submit()])
    body = data.draw(requests.submits("default", name, waits))
    answer = ok(deployment, "SubmitJob", **body)
    wanted = told.job(body, told.definition(definition, revision))
    job, arn = answer["jobId"], told.arn("job", answer["jobId"])
    assert answer == {"jobId": job, "jobArn": arn, "jobName": body["jobName"]}
    (found,) = described(deployment, "DescribeJobs", "jobs", jobs=[job])
    assert {name: found.get(name) for name in wanted} == wanted
    assert found["status"] == ("SUBMITTED" if body.get("dependsOn") else "RUNNABLE")
    assert (found["jobArn"], found["attempts"], found["startedAt"]) == (arn, [], 0)
    assert "timeout" in wanted or "timeout" not in found
    assert tagged(deployment, arn) == body.get("tags", {})
    listed = described(
        deployment, "ListJobs", "jobSummaryList", jobQueue="default", jobStatus=found["status"]
    )
    assert job in [summary["jobId"] for summary in listed]
    world.run(minutes=3)
    (ended,) = described(deployment, "DescribeJobs", "jobs", jobs=[arn])
    assert ended["status"] == "SUCCEEDED", ended.get("statusReason")
    assert {name: ended.get(name) for name in wanted if name != "container"} == {
        name: value for name, value in wanted.items() if name != "container"
    }
    assert told_to_ecs(world, ended) == expected_of_ecs(world, ended)


def told_to_ecs(world, ended) -> tuple[Any, dict[str, str]]:
    """The command and variables that the container was started with."""
    task = world.fargate.made[ended["container"]["taskArn"]]
    (base,) = world.tasks.definitions[task.request["taskDefinition"]]["containerDefinitions"]
    (over,) = task.request["overrides"]["containerOverrides"]
    variables = {
        v["name"]: v.get("value", "") for v in (*base.get("environment", ()), *over["environment"])
    }
    return over.get("command", base.get("command", [])), variables


def expected_of_ecs(world, ended) -> tuple[Any, dict[str, str]]:
    """What DescribeJobs says of them, and AWS Batch's own variables."""
    told_of = {v["name"]: v["value"] for v in ended["container"]["environment"]}
    ours = {
        "AWS_BATCH_JOB_ID": ended["jobId"],
        "AWS_BATCH_JOB_ATTEMPT": "1",
        "AWS_BATCH_JQ_NAME": "default",
        "AWS_BATCH_CE_NAME": "fargate",
    }
    return ended["container"]["command"], {**told_of, **ours}


@examples(60)
@given(
    one=requests.submits("default", "task"),
    other=requests.submits("default", "task"),
    token=st.from_regex(r"[A-Za-z0-9_.:/=+@-]{1,128}", fullmatch=True),
    tagged_with=st.booleans(),
)
def test_one_token_is_one_job(deployment, one, other, token, tagged_with):
    """By the SDK's header or by tag; another request with the same token is refused."""
    deployment.anew()
    header = {} if tagged_with else {"amz-sdk-invocation-id": token}

    def send(body: dict[str, Any]) -> Any:
        marked = {**body.get("tags", {}), "batchyard:client-token": token}
        body = {**body, "tags": marked} if tagged_with else body
        return deployment.client.call("SubmitJob", header, **body)

    first, before = send(one), deployment.snapshot()
    assert first.status == 200, first.body
    assert send(one).body == first.body
    assert send(dict(reversed(one.items()))).body == first.body
    again = send(other)
    if other == one:
        assert again.body == first.body
    else:
        assert (again.status, again.code) == (400, "ClientException")
        assert "client token was used before" in again.message
    assert deployment.snapshot() == before


@examples(60)
@given(
    kind=st.sampled_from(
        ["job", "job-queue/default", "compute-environment/fargate", "job-definition/task:1"]
    ),
    steps=st.lists(
        requests.tags() | st.lists(requests.tags().map(lambda t: next(iter(t), "x")), max_size=3),
        max_size=5,
    ),
)
def test_tags(deployment, kind, steps):
    """Added, overwritten and taken away, by tags and by keys."""
    world = deployment.anew()
    arn = f"{told.ACCOUNT}:{kind}" if kind != "job" else told.arn("job", world.submit())
    wanted: dict[str, str] = {}
    for step in steps:
        if isinstance(step, dict):
            wanted |= step
            assert deployment.client.tags("POST", arn, {"tags": step}).status == 200
        elif step:
            assert deployment.client.untag(arn, *step).status == 200
            wanted = {name: value for name, value in wanted.items() if name not in step}
        assert tagged(deployment, arn) == wanted
