"""Whatever is sent to any operation is answered or refused, in AWS Batch's shape: never a 5xx.

A refusal is one sentence and leaves nothing behind; see `fuzzing.judge` for all that is held.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.services.catalog_entries import Author
from simulator.world import CALLER
from tests.handlers.fuzzing import hostile, requests, shapes, spoil
from tests.handlers.fuzzing.deployment import Deployment, deployed
from tests.handlers.fuzzing.judge import judged
from tests.handlers.fuzzing.profile import examples
from tests.handlers.http_events import event

HERE = st.sampled_from(["fargate", "more", f"{shapes.ARN}:compute-environment/fargate", "none"])
QUEUE = st.sampled_from(["default", f"{shapes.ARN}:job-queue/default", "none"])
REVISION = st.sampled_from(["task", "task:1", f"{shapes.ARN}:job-definition/task:1", "task:2"])
POLICY = st.sampled_from(["fair", "none"]).map(f"{shapes.ARN}:scheduling-policy/{{}}".format)
JOB = st.sampled_from(["waiting", "6e7f9e1e-0000-4000-8000-000000000000", "a:0", "b#1"])
PAGE = {"maxResults": st.integers(1, 100), "nextToken": st.just("ZGVmYXVsdA==")}
FILTER = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["JOB_NAME", "JOB_DEFINITION", "BEFORE_CREATED_AT"]),
        "values": st.lists(st.sampled_from(["j*", "task", "1", "9" * 15]), min_size=1, max_size=1),
    }
)
TAGGED = st.sampled_from(
    [
        *("job-queue/default", "compute-environment/fargate", "job-definition/task:1"),
        *("job/waiting", "scheduling-policy/fair"),
    ]
).map(f"{shapes.ARN}:{{}}".format)

#: A request of each served operation that is right by our rules, or nearly.
REQUESTS: dict[str, requests.Bodies] = {
    "CreateComputeEnvironment": requests.environments(),
    "UpdateComputeEnvironment": requests.environment_updates(HERE),
    "DeleteComputeEnvironment": st.fixed_dictionaries({"computeEnvironment": HERE}),
    "DescribeComputeEnvironments": requests.maybe(
        {}, {"computeEnvironments": st.lists(HERE), **PAGE}
    ),
    "CreateJobQueue": requests.queues(requests.NAMES, HERE),
    "UpdateJobQueue": requests.queue_updates(QUEUE, HERE),
    "DeleteJobQueue": st.fixed_dictionaries({"jobQueue": QUEUE}),
    "DescribeJobQueues": requests.maybe({}, {"jobQueues": st.lists(QUEUE), **PAGE}),
    "RegisterJobDefinition": requests.definitions(),
    "DeregisterJobDefinition": st.fixed_dictionaries({"jobDefinition": REVISION}),
    "DescribeJobDefinitions": requests.maybe(
        {},
        {
            "jobDefinitions": st.lists(REVISION),
            "jobDefinitionName": st.just("task"),
            "status": st.sampled_from(["ACTIVE", "INACTIVE"]),
            **PAGE,
        },
    ),
    "CreateSchedulingPolicy": requests.maybe(
        {"name": requests.NAMES}, {"fairsharePolicy": requests.FAIR, "tags": requests.tags()}
    ),
    "UpdateSchedulingPolicy": requests.maybe({"arn": POLICY}, {"fairsharePolicy": requests.FAIR}),
    "DeleteSchedulingPolicy": st.fixed_dictionaries({"arn": POLICY}),
    "DescribeSchedulingPolicies": st.fixed_dictionaries({"arns": st.lists(POLICY, max_size=4)}),
    "ListSchedulingPolicies": requests.maybe({}, PAGE),
    "SubmitJob": requests.submits("default", "task", JOB),
    "DescribeJobs": st.fixed_dictionaries({"jobs": st.lists(JOB, max_size=4)}),
    "ListJobs": requests.maybe(
        {"jobQueue": QUEUE},
        {
            "jobStatus": st.sampled_from(["RUNNABLE", "FAILED"]),
            "filters": st.lists(FILTER, max_size=1),
            "maxResults": st.integers(1, 1000),
        },
    ),
    "CancelJob": st.fixed_dictionaries({"jobId": JOB, "reason": requests.SOME_TEXT}),
    "TerminateJob": st.fixed_dictionaries({"jobId": JOB, "reason": requests.SOME_TEXT}),
    "SubmitJobs": st.fixed_dictionaries(
        {"jobs": st.lists(requests.submits("default", "task", JOB), min_size=1, max_size=3)}
    ),
    "CancelJobs": st.fixed_dictionaries(
        {"jobs": st.lists(JOB, min_size=1, max_size=3), "reason": requests.SOME_TEXT}
    ),
    "TerminateJobs": st.fixed_dictionaries(
        {"jobs": st.lists(JOB, min_size=1, max_size=3), "reason": requests.SOME_TEXT}
    ),
    "GetJobQueueSnapshot": st.fixed_dictionaries({"jobQueue": QUEUE}),
    "HoldJob": st.fixed_dictionaries({"jobId": JOB}),
    "ReleaseJob": st.fixed_dictionaries({"jobId": JOB}),
    "MoveJob": st.fixed_dictionaries({"jobId": JOB, "jobQueue": QUEUE}),
    "PrioritizeJob": st.fixed_dictionaries(
        {"jobId": JOB, "schedulingPriority": st.integers(0, 9999)}
    ),
    "Explain": st.fixed_dictionaries({"jobId": JOB}),
    "TagResource": st.fixed_dictionaries({"resourceArn": TAGGED, "tags": requests.tags()}),
    "UntagResource": st.fixed_dictionaries(
        {"resourceArn": TAGGED, "tagKeys": st.lists(requests.SOME_TEXT, min_size=1, max_size=3)}
    ),
    "ListTagsForResource": st.fixed_dictionaries({"resourceArn": TAGGED}),
}


@pytest.fixture(scope="module")
def deployment():
    with deployed() as made:
        yield made


@pytest.fixture(scope="module")
def served(deployment):
    return deployment.api.served


def test_every_operation_is_tried(served):
    assert set(REQUESTS) == served
    assert served < set(shapes.OPERATIONS)


def somewhere(deployment: Deployment) -> str:
    """Another world, in which a job waits; its id."""
    world = deployment.anew()
    world.environment("more", vcpus=2, kind="FARGATE_SPOT")
    world.platform.policies.create({"name": "fair"}, Author(CALLER))
    return world.submit()


def sent(deployment: Deployment, operation: str, text: str) -> Any:
    """The judged reply to a body; `waiting` stands for the id of a job that there is."""
    text = text.replace('"waiting"', f'"{somewhere(deployment)}"')
    return judged(deployment, made_of(operation, text), operation)


def made_of(operation: str, text: str) -> dict[str, Any]:
    return event(f"/v1/{operation.lower()}", text)


@pytest.mark.parametrize("operation", [name for name in REQUESTS if "Tag" not in name])
class TestServed:
    @examples(25)
    @given(data=st.data())
    def test_what_the_model_allows(self, deployment, operation, data):
        sent(deployment, operation, json.dumps(data.draw(shapes.inputs(operation))))

    @examples(60)
    @given(data=st.data())
    def test_what_is_wrong_in_one_place(self, deployment, operation, data):
        sent(deployment, operation, data.draw(spoil.spoilt(REQUESTS[operation])))

    @examples(20)
    @given(data=st.data())
    def test_what_is_right(self, deployment, operation, data):
        sent(deployment, operation, json.dumps(data.draw(REQUESTS[operation])))


@pytest.mark.parametrize("operation", sorted(shapes.OPERATIONS))
@examples(6)
@given(data=st.data())
def test_an_operation_that_is_not_served_says_so(deployment, served, operation, data):
    if operation in served:
        return
    body = data.draw(shapes.inputs(operation) | st.just({}) | st.just({"x": None}))
    reply = sent(deployment, operation, json.dumps(body))
    assert (reply.status, reply.code) == (400, "ClientException")
    assert reply.message == f"{operation} is not supported by this platform."


@examples(300)
@given(data=st.data())
def test_what_is_no_request(deployment, data):
    made = data.draw(hostile.calls())
    somewhere(deployment)
    operation = deployment.api.operation_of(
        made["rawPath"], made["requestContext"]["http"]["method"]
    )
    judged(deployment, made, operation)


@examples(300)
@given(data=st.data())
def test_calls_about_tags(deployment, data):
    made, job = data.draw(hostile.tag_calls()), somewhere(deployment)
    made["rawPath"] = made["rawPath"].replace("0" * 199, job)
    operation = deployment.api.operation_of(
        made["rawPath"], made["requestContext"]["http"]["method"]
    )
    judged(deployment, made, operation)


@examples(100)
@given(data=st.data())
def test_tags_of_everything(deployment, data):
    """Right requests, and some with one thing wrong, as a client would send them."""
    job = somewhere(deployment)
    operation = data.draw(st.sampled_from(["TagResource", "UntagResource", "ListTagsForResource"]))
    body = data.draw(REQUESTS[operation])
    arn = body.pop("resourceArn").replace("waiting", job)
    method = {"TagResource": "POST", "UntagResource": "DELETE"}.get(operation, "GET")
    query = urlencode([("tagKeys", key) for key in body.pop("tagKeys", ())])
    text = json.dumps(body)
    if body and data.draw(st.booleans()):
        text = data.draw(spoil.spoilt(st.just(body)))
    made = event(f"/v1/tags/{arn}", text, method, rawQueryString=query)
    judged(deployment, made, operation)
