"""Queues, environments, definitions and triggers that are declared in code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from stacks.config import ConfigError, DeploymentConfig
from stacks.constructs.compute_environment import ComputeEnvironment
from stacks.constructs.job_definition import JobDefinition
from stacks.constructs.job_queue import JobQueue
from stacks.constructs.s3_trigger import S3Location, S3Trigger
from tests.infrastructure.conftest import Synthesizer, Templates
from tests.infrastructure.reading import resources

CONFIG = DeploymentConfig()
JOB = {"jobQueue": "default", "jobDefinition": "tidy"}


def made(build: Callable[[cdk.Stack], object]) -> Mapping[str, Any]:
    """The template of a stack of one's own, with what `build` puts into it."""
    stack = cdk.Stack(cdk.App(), "mine")
    build(stack)
    return Template.from_stack(stack).to_json()


def detail_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """`Detail` as `declare` receives it, tokens by their name."""
    detail = entry["Detail"]
    if isinstance(detail, str):
        return dict(json.loads(detail))
    parts = detail["Fn::Join"][1]
    told = "".join(part if isinstance(part, str) else "TOKEN" for part in parts)
    return dict(json.loads(told))


def test_the_defaults_are_declared(templates: Templates) -> None:
    template = templates["workload"]
    queues = resources(template, "Custom::BatchyardJobQueue").values()
    assert {q["Name"]: detail_of(q)["priority"] for q in queues} == {
        "high": 100,
        "default": 50,
        "low": 10,
    }
    (environment,) = resources(template, "Custom::BatchyardComputeEnvironment").values()
    told = detail_of(environment)["computeResources"]
    assert told == {
        "type": "FARGATE",
        "maxvCpus": 16,
        "subnets": ["TOKEN", "TOKEN"],
        "securityGroupIds": ["TOKEN"],
    }
    (trigger,) = resources(template, "Custom::BatchyardS3Trigger").values()
    assert detail_of(trigger) == {
        "id": "weather",
        "bucket": "TOKEN",
        "prefix": "weather/",
        "suffix": ".csv",
        "submitJob": {"jobQueue": "default", "jobDefinition": "summarise-csv"},
    }


def test_cloudformation_waits_two_minutes_at_most(templates: Templates) -> None:
    for resource in templates["workload"]["Resources"].values():
        if resource["Type"].startswith("Custom::"):
            assert resource["Properties"]["ServiceTimeout"] == "120"


def test_a_job_queue_owns_its_inbox() -> None:
    template = made(
        lambda stack: JobQueue(
            stack, "Night", CONFIG, name="night", priority=1, compute_environments=["fargate"]
        )
    )
    ((inbox, queue),) = resources(template, "AWS::SQS::Queue").items()
    assert queue["QueueName"] == "batchyard-jq-night"
    assert queue["MessageRetentionPeriod"] == 14 * 86_400
    (entry,) = resources(template, "Custom::BatchyardJobQueue").values()
    assert entry["Kind"] == "JobQueue"
    assert entry["Inbox"] == {"Ref": inbox}
    assert detail_of(entry) == {
        "jobQueueName": "night",
        "state": "ENABLED",
        "priority": 1,
        "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "fargate"}],
    }


def test_a_queue_comes_after_its_environments_and_goes_before_them() -> None:
    def build(stack: cdk.Stack) -> None:
        spot = ComputeEnvironment(
            stack, "Spot", CONFIG, name="spot", max_vcpus=8, kind="FARGATE_SPOT"
        )
        JobQueue(stack, "Q", CONFIG, name="q", priority=1, compute_environments=[spot, "fargate"])

    template = made(build)
    (spot,) = resources(template, "Custom::BatchyardComputeEnvironment")
    ((_, queue),) = (
        (name, r)
        for name, r in template["Resources"].items()
        if r["Type"] == "Custom::BatchyardJobQueue"
    )
    assert spot in queue["DependsOn"]
    order = detail_of(queue["Properties"])["computeEnvironmentOrder"]
    assert [e["computeEnvironment"] for e in order] == ["spot", "fargate"]


def test_a_definition_is_the_request_that_registers_it() -> None:
    properties = {
        "image": "busybox",
        "resourceRequirements": [
            {"type": "VCPU", "value": "0.25"},
            {"type": "MEMORY", "value": "512"},
        ],
    }
    template = made(
        lambda stack: JobDefinition(
            stack,
            "Tidy",
            CONFIG,
            name="tidy",
            properties=properties,
            options={"retryStrategy": {"attempts": 3}},
        )
    )
    (entry,) = resources(template, "Custom::BatchyardJobDefinition").values()
    assert detail_of(entry) == {
        "jobDefinitionName": "tidy",
        "type": "container",
        "platformCapabilities": ["FARGATE"],
        "containerProperties": properties,
        "retryStrategy": {"attempts": 3},
    }


def _trigger(watches: S3Location, writes: S3Location | None = None) -> Mapping[str, Any]:
    return made(
        lambda stack: S3Trigger(
            stack, "T", CONFIG, trigger_id="t", watches=watches, writes=writes, job=JOB
        )
    )


@pytest.mark.parametrize(
    ("prefix", "suffix", "key"),
    [
        ("in/", ".csv", [{"wildcard": "in/*.csv"}]),
        ("in/", "", [{"prefix": "in/"}]),
        ("", ".csv", [{"suffix": ".csv"}]),
        ("a*b\\", ".csv", [{"wildcard": "a\\*b\\\\*.csv"}]),
    ],
)
def test_only_uploads_that_match_reach_the_platform(prefix: str, suffix: str, key: Any) -> None:
    template = _trigger(S3Location("data", prefix, suffix))
    (rule,) = resources(template, "AWS::Events::Rule").values()
    assert rule["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": ["data"]}, "object": {"key": key}},
    }
    assert rule["Name"].startswith("batchyard-"), "the queue's policy lets in this prefix alone"


@pytest.mark.parametrize(
    ("watches", "writes"),
    [
        (S3Location("data"), S3Location("data")),
        (S3Location("data", "in/"), S3Location("data", "in/done/")),
        (S3Location("data", "in/deep/"), S3Location("data", "in/")),
        (S3Location("data", "in/", ".csv"), S3Location("data", "in/")),
        (S3Location("data", "", ".gz"), S3Location("data", "out/", ".csv.gz")),
    ],
)
def test_a_trigger_that_could_fire_itself_is_refused(
    watches: S3Location, writes: S3Location
) -> None:
    with pytest.raises(ValueError, match="trigger t would fire itself: its job writes to data/"):
        _trigger(watches, writes)


@pytest.mark.parametrize(
    ("watches", "writes"),
    [
        (S3Location("data"), S3Location("results")),
        (S3Location("data", "in/"), S3Location("data", "out/")),
        (S3Location("data", "", ".csv"), S3Location("data", "", ".json")),
    ],
)
def test_a_trigger_whose_output_lies_elsewhere_is_made(
    watches: S3Location, writes: S3Location
) -> None:
    assert resources(_trigger(watches, writes), "Custom::BatchyardS3Trigger")


def test_the_deployments_own_buckets_are_compared_too(synthesize: Synthesizer) -> None:
    trigger = {
        "id": "loop",
        "bucket": "input",
        "prefix": "in/",
        "writes": {"bucket": "input", "prefix": "in/out/"},
        "submitJob": JOB,
    }
    with pytest.raises(ValueError, match="trigger loop would fire itself"):
        synthesize({"batchyard:triggers": [trigger]})


@pytest.mark.parametrize(
    ("context", "sentence"),
    [
        ({"jobQueues": [{"priority": 1}]}, r"batchyard:jobQueues\[0\].name is None"),
        (
            {"computeEnvironments": [{"name": "a"}, {"name": "a"}]},
            r"batchyard:computeEnvironments\[1\].name is 'a': a text of its own",
        ),
        (
            {"jobQueues": [{"name": "q", "computeEnvironments": ["f"], "priority": 1001}]},
            "priority of job queue q is 1001: 0 to 1000 is allowed",
        ),
        ({"jobQueues": [{"name": "q"}]}, "job queue q names no compute environment"),
        (
            {"computeEnvironments": [{"name": "e", "type": "EC2"}]},
            "type of compute environment e is EC2: one of FARGATE, FARGATE_SPOT is needed",
        ),
        ({"triggers": [{"id": "t"}]}, "trigger t names no jobQueue"),
    ],
)
def test_a_wrong_declaration_is_refused_at_synthesis(
    synthesize: Synthesizer, context: dict[str, Any], sentence: str
) -> None:
    with pytest.raises((ConfigError, ValueError), match=sentence):
        synthesize({f"batchyard:{key}": value for key, value in context.items()})
