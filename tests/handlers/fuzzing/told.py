"""What an accepted request reads like when it is described: AWS Batch's normalisations, in one place.

They are: members that were not sent have AWS Batch's defaults; names become ARNs; what is ordered
is in order; a retry rule's action is in capitals; a job shows its definition with its own overrides
merged, by name, and its placeholders replaced. Everything else comes back as it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Body = dict[str, Any]

ACCOUNT = "arn:aws:batch:us-east-1:123456789012"
_LISTS = ("command", "volumes", "environment", "mountPoints", "ulimits", "secrets")


def definition(request: Mapping[str, Any], revision: int, status: str = "ACTIVE") -> Body:
    """JobDefinition."""
    name = request["jobDefinitionName"]
    told = {
        "parameters": {},
        "tags": {},
        **request,
        "containerOrchestrationType": "ECS",
        "jobDefinitionArn": f"{ACCOUNT}:job-definition/{name}:{revision}",
        "revision": revision,
        "status": status,
        "containerProperties": {
            **{member: [] for member in _LISTS},
            "fargatePlatformConfiguration": {"platformVersion": "LATEST"},
            **request["containerProperties"],
        },
    }
    if "retryStrategy" in told:
        told["retryStrategy"] = retry(told["retryStrategy"])
    return {n: v for n, v in told.items() if n not in ("retryStrategy", "timeout") or v}


def retry(strategy: Mapping[str, Any]) -> Body:
    """RetryStrategy; an empty one is none."""
    if not strategy:
        return {}
    rules = [
        {**rule, "action": rule["action"].upper()} for rule in strategy.get("evaluateOnExit", ())
    ]
    return {"attempts": strategy.get("attempts", 1), "evaluateOnExit": rules}


def environment(request: Mapping[str, Any]) -> Body:
    """ComputeEnvironmentDetail, without its random uuid."""
    name = request["computeEnvironmentName"]
    return {
        "state": "ENABLED",
        "tags": {},
        **request,
        "status": "VALID",
        "statusReason": "ComputeEnvironment Healthy",
        "containerOrchestrationType": "ECS",
        "computeEnvironmentArn": f"{ACCOUNT}:compute-environment/{name}",
        "ecsClusterArn": f"{ACCOUNT.replace(':batch:', ':ecs:')}:cluster/sim",
    }


def updated_environment(detail: Body, request: Mapping[str, Any]) -> Body:
    """The same after UpdateComputeEnvironment."""
    named = {n: v for n, v in request.items() if n != "computeEnvironment"}
    resources = {**detail["computeResources"], **named.get("computeResources", {})}
    return {**detail, **named, "computeResources": resources}


def queue(request: Mapping[str, Any]) -> Body:
    """JobQueueDetail."""
    return {
        "state": "ENABLED",
        "tags": {},
        "jobQueueType": "ECS_FARGATE",
        **request,
        "jobQueueArn": f"{ACCOUNT}:job-queue/{request['jobQueueName']}",
        "status": "VALID",
        "statusReason": "JobQueue Healthy",
        "computeEnvironmentOrder": order(request["computeEnvironmentOrder"]),
    }


def updated_queue(detail: Body, request: Mapping[str, Any]) -> Body:
    """The same after UpdateJobQueue."""
    named = {n: v for n, v in request.items() if n != "jobQueue"}
    if "computeEnvironmentOrder" in named:
        named["computeEnvironmentOrder"] = order(named["computeEnvironmentOrder"])
    return {**detail, **named}


def order(entries: list[Body]) -> list[Body]:
    """By number, each environment by its ARN."""
    named = [
        {**e, "computeEnvironment": arn("compute-environment", e["computeEnvironment"])}
        for e in entries
    ]
    return sorted(named, key=lambda entry: entry["order"])


def arn(kind: str, name_or_arn: str) -> str:
    return name_or_arn if name_or_arn.startswith("arn:") else f"{ACCOUNT}:{kind}/{name_or_arn}"


def job(request: Mapping[str, Any], described: Mapping[str, Any]) -> Body:
    """What DescribeJobs says of a new job that is not a matter of time; `described` is its
    definition as described."""
    parameters = {**described["parameters"], **request.get("parameters", {})}
    asked, base = request.get("containerOverrides", {}), described["containerProperties"]
    dependencies = dict.fromkeys(d["jobId"] for d in request.get("dependsOn", ()))
    told = {
        "jobName": request["jobName"],
        "jobQueue": arn("job-queue", request["jobQueue"]),
        "jobDefinition": described["jobDefinitionArn"],
        "parameters": parameters,
        "retryStrategy": retry(request.get("retryStrategy", {}))
        or described.get("retryStrategy")
        or {"attempts": 1, "evaluateOnExit": []},
        "timeout": request.get("timeout") or described.get("timeout"),
        "dependsOn": [{"jobId": dependency} for dependency in dependencies],
        "tags": request.get("tags", {}),
        "propagateTags": request.get("propagateTags", described.get("propagateTags", False)),
        "schedulingPriority": request.get(
            "schedulingPriorityOverride", described.get("schedulingPriority")
        ),
        "platformCapabilities": ["FARGATE"],
        "container": container(base, asked, parameters),
    }
    extended = {**described["tags"], **told["tags"]}
    if "batchyard:disk-gib" in extended:
        size = int(extended["batchyard:disk-gib"])
        told["container"]["ephemeralStorage"] = {"sizeInGiB": size}
    return {name: value for name, value in told.items() if value is not None}


def container(base: Body, asked: Body, parameters: Mapping[str, str]) -> Body:
    """ContainerDetail of a job that has not started: what is empty is not shown, but the lists."""
    merged = {
        **base,
        "command": [
            re.sub(r"(?<!\w)Ref::(\w+)", lambda f: parameters.get(f[1], f[0]), element)
            for element in asked.get("command") or base["command"]
        ],
        "environment": _by("name", base["environment"], asked.get("environment", ())),
        "resourceRequirements": _by(
            "type", base["resourceRequirements"], asked.get("resourceRequirements", ())
        ),
    }
    said = {name: value for name, value in merged.items() if value not in ([], {})}
    return {**{member: [] for member in (*_LISTS, "networkInterfaces")}, **said}


def _by(key: str, base: Any, asked: Any) -> list[Body]:
    values = {part[key]: part.get("value", "") for part in (*base, *asked)}
    return [{key: name, "value": value} for name, value in values.items()]
