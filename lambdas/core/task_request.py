"""The RunTask request of one attempt, complete and frozen: a repeat is the same request.

Source of the bounds: ECS's API reference for RunTask.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.core.catalog import Environment
from lambdas.core.fargate import FargateSize, size_for
from lambdas.core.job import JobState, ecs_safe, family
from lambdas.core.shape import Shape
from lambdas.core.spec import JobSpec
from lambdas.core.task_definition import CONTAINER

#: Characters of JSON that RunTask takes as overrides.
OVERRIDES_LIMIT = 8_192

#: The longest that the attempt's own variables can get: room is kept for them.
_LONGEST_NAME = "N" * 128
_LONGEST_JOB = "N" * 36 + ":99999999"
_LAST_ATTEMPT = 9_999
_LARGEST_ARRAY = 10_000_000


@dataclass(frozen=True, slots=True)
class Network:
    """Where tasks run when their environment does not say."""

    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    assign_public_ip: bool = False


def run_task_request(
    spec: JobSpec, state: JobState, env: Environment, *, run: str, cluster: str, network: Network
) -> dict[str, Any]:
    """The request for the next attempt of `state`, whose UUID is `run`, in a Fargate environment."""
    shape = Shape.parse(state.shape)
    variables = attempt_variables(state.id, state.attempt + 1, state.queue, env.name, state.of)
    request: dict[str, Any] = {
        "clientToken": run,
        "startedBy": f"{ecs_safe(state.id)}/{run}",
        "count": 1,
        "cluster": cluster,
        "taskDefinition": spec.task_definition,
        "capacityProviderStrategy": [{"capacityProvider": env.kind, "weight": 1}],
        "networkConfiguration": {"awsvpcConfiguration": _awsvpc(spec.container, env, network)},
        "overrides": overrides_of(spec.overrides, shape, variables),
    }
    platform = spec.container.get("fargatePlatformConfiguration", {}).get("platformVersion")
    if platform:
        request["platformVersion"] = platform
    if spec.propagate_tags and spec.task_tags:
        request["tags"] = [{"key": k, "value": v} for k, v in sorted(spec.task_tags.items())]
    if spec.container.get("enableExecuteCommand"):
        request["enableExecuteCommand"] = True
    return request


def attempt_variables(
    job: str, attempt: int, queue: str, env: str, size: int = 0
) -> list[dict[str, str]]:
    """What AWS Batch tells a container of its job; attempts count from 1. A child hears its index,
    and the size of its array besides, which AWS Batch keeps to itself."""
    told = {
        "AWS_BATCH_JOB_ID": job,
        "AWS_BATCH_JOB_ATTEMPT": str(attempt),
        "AWS_BATCH_JQ_NAME": queue,
        "AWS_BATCH_CE_NAME": env,
    }
    index = family(job)[1]
    if index is not None:
        told |= {"AWS_BATCH_JOB_ARRAY_INDEX": str(index), "AWS_BATCH_JOB_ARRAY_SIZE": str(size)}
    return [{"name": name, "value": value} for name, value in told.items()]


def overrides_of(
    overrides: Mapping[str, Any], shape: Shape, variables: list[dict[str, str]]
) -> dict[str, Any]:
    """RunTask's `overrides`: the task has the size that holds the job, the container exactly what
    the job asked for, so that one that takes more memory than that is killed for it."""
    container: dict[str, Any] = {
        "name": CONTAINER,
        "cpu": shape.milli_vcpus * 1024 // 1000,
        "memory": shape.memory,
        "environment": [*overrides.get("environment", ()), *variables],
    }
    if overrides.get("command"):
        container["command"] = list(overrides["command"])
    size = size_for(shape.milli_vcpus, shape.memory) or FargateSize(shape.milli_vcpus, shape.memory)
    task: dict[str, Any] = {"cpu": size.cpu, "memory": size.memory}
    if overrides.get("disk"):
        task["ephemeralStorage"] = {"sizeInGiB": overrides["disk"]}
    return {**task, "containerOverrides": [container]}


def fits_overrides(overrides: Mapping[str, Any], shape: Shape) -> bool:
    """Whether RunTask takes these overrides as they are, with the longest variables of any attempt.

    ECS counts the characters of the JSON; non-ASCII ones are counted here as their escapes, the
    longest way to write them.
    """
    variables = attempt_variables(
        _LONGEST_JOB, _LAST_ATTEMPT, _LONGEST_NAME, _LONGEST_NAME, _LARGEST_ARRAY
    )
    return len(json.dumps(overrides_of(overrides, shape, variables))) <= OVERRIDES_LIMIT


def _awsvpc(
    container: Mapping[str, Any], env: Environment, network: Network
) -> dict[str, list[str] | str]:
    default = "ENABLED" if network.assign_public_ip else "DISABLED"
    asked = container.get("networkConfiguration", {}).get("assignPublicIp")
    groups = env.security_groups or network.security_groups
    return {
        "subnets": list(env.subnets or network.subnets),
        **({"securityGroups": list(groups)} if groups else {}),
        "assignPublicIp": asked or default,
    }
