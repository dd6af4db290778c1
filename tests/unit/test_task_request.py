"""The RunTask request of an attempt."""

import json

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from lambdas.core.catalog import Environment
from lambdas.core.job import JobState, Status
from lambdas.core.shape import Shape
from lambdas.core.spec import JobSpec
from lambdas.core.task_request import (
    OVERRIDES_LIMIT,
    Network,
    attempt_variables,
    fits_overrides,
    overrides_of,
    run_task_request,
)

JOB = "11111111-1111-4111-8111-111111111111"
RUN = "99999999-9999-4999-8999-999999999999"
NETWORK = Network(("subnet-d",), ("sg-d",), assign_public_ip=True)


def environment(**more):
    return Environment(**{"name": "env", "arn": "a", "kind": "FARGATE", "enabled": True,
                          "max_milli_vcpus": 16_000, **more})  # fmt: skip


def spec(container=None, **more):
    base = {"job": JOB, "digest": "d", "caller": "c", "queue": "high", "definition": "d",
            "task_definition": "arn:td", "container": container or {}, "platform": "FARGATE"}  # fmt: skip
    return JobSpec(**{**base, **more})


def state(**more):
    base = {"id": JOB, "name": "job", "queue": "high", "definition": "task:1", "created": 1,
            "status": Status.RUNNABLE, "shape": Shape("FARGATE", "X86_64", 250, 600).key}  # fmt: skip
    return JobState(**{**base, **more})


def request(a_spec=None, a_state=None, env=None):
    return run_task_request(
        a_spec or spec(),
        a_state or state(),
        env or environment(),
        run=RUN,
        cluster="yard",
        network=NETWORK,
    )


@pytest.fixture(scope="module")
def run_task():
    return get_session().get_service_model("ecs").operation_model("RunTask").input_shape


def test_the_whole_request(run_task):
    made = request()
    assert made == {
        "clientToken": RUN,
        "startedBy": f"{JOB}/{RUN}",
        "count": 1,
        "cluster": "yard",
        "taskDefinition": "arn:td",
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}],
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": ["subnet-d"],
                "securityGroups": ["sg-d"],
                "assignPublicIp": "ENABLED",
            }
        },
        "overrides": {
            "cpu": "256",
            "memory": "1024",
            "containerOverrides": [
                {
                    "name": "default",
                    "cpu": 256,
                    "memory": 600,
                    "environment": [
                        {"name": "AWS_BATCH_JOB_ID", "value": JOB},
                        {"name": "AWS_BATCH_JOB_ATTEMPT", "value": "1"},
                        {"name": "AWS_BATCH_JQ_NAME", "value": "high"},
                        {"name": "AWS_BATCH_CE_NAME", "value": "env"},
                    ],
                }
            ],
        },
    }
    assert not ParamValidator().validate(made, run_task).has_errors()


def test_the_environment_says_where_and_on_what():
    env = environment(kind="FARGATE_SPOT", subnets=("subnet-1",), security_groups=("sg-1",))
    made = request(env=env)
    assert made["capacityProviderStrategy"][0]["capacityProvider"] == "FARGATE_SPOT"
    network = made["networkConfiguration"]["awsvpcConfiguration"]
    assert (network["subnets"], network["securityGroups"]) == (["subnet-1"], ["sg-1"])


def test_the_definition_says_whether_its_tasks_have_an_address():
    asked = {"networkConfiguration": {"assignPublicIp": "DISABLED"}}
    network = request(spec(asked))["networkConfiguration"]["awsvpcConfiguration"]
    assert network["assignPublicIp"] == "DISABLED"


def test_attempts_count_from_one():
    variables = request(a_state=state(attempt=2))["overrides"]["containerOverrides"][0]
    assert {"name": "AWS_BATCH_JOB_ATTEMPT", "value": "3"} in variables["environment"]


def test_everything_a_job_can_ask_for(run_task):
    asked = {
        "fargatePlatformConfiguration": {"platformVersion": "1.4.0"},
        "enableExecuteCommand": True,
    }
    overrides = {"command": ["a"], "environment": [{"name": "A", "value": "1"}], "disk": 50}
    made = request(
        spec(asked, overrides=overrides, propagate_tags=True, task_tags={"team": "blue"})
    )
    assert made["platformVersion"] == "1.4.0"
    assert made["enableExecuteCommand"] is True
    assert made["tags"] == [{"key": "team", "value": "blue"}]
    assert made["overrides"]["ephemeralStorage"] == {"sizeInGiB": 50}
    container = made["overrides"]["containerOverrides"][0]
    assert container["command"] == ["a"]
    assert container["environment"][0] == {"name": "A", "value": "1"}
    assert not ParamValidator().validate(made, run_task).has_errors()


def test_tags_stay_unless_they_are_propagated():
    assert "tags" not in request(spec(task_tags={"team": "blue"}))


@given(st.text(max_size=9_000), st.integers(1, 9_999), st.text("ab", max_size=128))
def test_what_fits_at_submit_fits_in_every_attempt(text, attempt, name):
    overrides = {"command": [text]}
    shape = Shape("FARGATE", "X86_64", 250, 512)
    if fits_overrides(overrides, shape):
        variables = attempt_variables(JOB, attempt, name, name)
        made = overrides_of(overrides, shape, variables)
        assert len(json.dumps(made)) <= OVERRIDES_LIMIT


def test_what_is_too_long_does_not_fit():
    shape = Shape("FARGATE", "X86_64", 250, 512)
    assert fits_overrides({"command": ["x" * 7_000]}, shape)
    assert not fits_overrides({"command": ["x" * 8_192]}, shape)
