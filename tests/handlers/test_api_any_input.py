"""Whatever a client sends that the service model allows, or nearly, is answered or refused: no 500."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.world import World
from tests.handlers.http_events import MODEL, Client, event
from tests.handlers.test_api import DEFINITION, JOB, client, where, world  # noqa: F401

#: A request that each operation answers; tests change a few of its members.
REQUESTS = {
    "CreateComputeEnvironment": {
        "computeEnvironmentName": "e",
        "type": "MANAGED",
        "computeResources": {"type": "FARGATE", "maxvCpus": 1},
    },
    "UpdateComputeEnvironment": {"computeEnvironment": "fargate"},
    "DeleteComputeEnvironment": {"computeEnvironment": "fargate"},
    "CreateJobQueue": {
        "jobQueueName": "q",
        "priority": 1,
        "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "fargate"}],
    },
    "UpdateJobQueue": {"jobQueue": "default"},
    "DeleteJobQueue": {"jobQueue": "default"},
    "RegisterJobDefinition": DEFINITION,
    "DeregisterJobDefinition": {"jobDefinition": "task:1"},
    "DescribeComputeEnvironments": {},
    "DescribeJobQueues": {},
    "DescribeJobDefinitions": {},
    "SubmitJob": JOB,
    "DescribeJobs": {"jobs": ["x"]},
    "ListJobs": {"jobQueue": "default"},
    "CancelJob": {"jobId": "x", "reason": "r"},
    "TerminateJob": {"jobId": "x", "reason": "r"},
}

#: Values that mean something here, so that requests get far, and some that mean trouble.
WORDS = st.sampled_from(
    [
        *("default", "fargate", "task", "task:1", "ENABLED", "FARGATE", "container", "MANAGED"),
        *("512", "0.25", "1", "", " ", "a:0", "x#1", "*", "Ref::a", "é\U0001f600", "%00", "'\"\\"),
        *("arn:aws:batch:us-east-1:123456789012:job-queue/default", "9" * 60, "x" * 3000),
    ]
)
ODD = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just([{}])


def values(name: str, depth: int = 0) -> st.SearchStrategy:
    """Values of a shape of the model: right, and now and then not."""
    shape = MODEL._shapes[name]
    match shape["type"]:
        case "structure":
            right = st.deferred(lambda: structures(shape, depth))
        case "list":
            right = st.deferred(
                lambda: st.lists(values(shape["member"]["shape"], depth + 1), max_size=3)
            )
        case "map":
            right = st.dictionaries(WORDS, WORDS, max_size=3)
        case "string":
            right = st.sampled_from(shape["enum"]) if "enum" in shape else WORDS
        case "boolean":
            right = st.booleans()
        case _:
            right = st.sampled_from([-1, 0, 1, 2, 60, 100, 2**31 - 1])
    return st.integers(0, 60).flatmap(lambda n: right if n else ODD) if depth > 1 else right


def structures(shape, depth: int) -> st.SearchStrategy:
    """All that is required, and a few of the others: a request with everything is refused early."""
    members = {
        name: values(member["shape"], depth + 1) for name, member in shape["members"].items()
    }
    required = set(shape.get("required", ()))
    others = sorted(set(members) - required)
    few = st.sets(st.sampled_from(others), max_size=2 if depth else 5) if others else st.just(())
    return few.flatmap(
        lambda chosen: st.fixed_dictionaries(
            {name: members[name] for name in required | set(chosen)}
        )
    )


def requests(operation: str) -> st.SearchStrategy:
    """The request, with up to three of its members something else, or gone."""
    shape = MODEL._shapes[MODEL._operations[operation]["input"]["shape"]]
    names = st.sets(st.sampled_from(sorted(shape["members"])), min_size=1, max_size=3)
    change = names.flatmap(
        lambda chosen: st.fixed_dictionaries(
            {name: values(shape["members"][name]["shape"], 1) for name in chosen}
        )
    )
    return change.map(lambda changed: REQUESTS[operation] | changed)


def nothing_fails(caller: Client, deployment: World, operation: str, body) -> None:
    reply = caller.send(event(f"/v1/{operation.lower()}", json.dumps(body)))
    assert reply.status in (200, 400), deployment.journal.events("api failed")
    if reply.status == 200:
        assert MODEL.validate_response(operation, reply.body) == []


MANY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("operation", REQUESTS)
@MANY
@given(data=st.data())
def test_no_request_is_a_failure_of_ours(client, world, operation, data):  # noqa: F811
    nothing_fails(client, world, operation, data.draw(requests(operation)))


@MANY
@given(data=st.data())
def test_no_container_is_a_failure_of_ours(client, world, data):  # noqa: F811
    changed = data.draw(structures(MODEL._shapes["ContainerProperties"], 1))
    body = DEFINITION | {"containerProperties": DEFINITION["containerProperties"] | changed}
    nothing_fails(client, world, "RegisterJobDefinition", body)
