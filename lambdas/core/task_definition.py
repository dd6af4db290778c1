"""The ECS task definition of a job: what RegisterTaskDefinition is asked for.

One container named `default`. The task has the smallest Fargate size that holds the job; the
container has what the job asked for, so that a job that takes more memory than that is killed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.core.errors import ClientError
from lambdas.core.fargate import explain_misfit, size_for
from lambdas.core.rules import needs

#: AWS Batch's names for the container and for the start of its log streams.
CONTAINER = "default"
STREAM_PREFIX_LIMIT = 200
#: Seconds between SIGTERM and SIGKILL: what AWS Batch grants a job that it stops.
STOP_TIMEOUT = 30

_AS_THEY_ARE = (
    "image",
    "command",
    "environment",
    "mountPoints",
    "secrets",
    "ulimits",
    "user",
    "linuxParameters",
    "readonlyRootFilesystem",
    "repositoryCredentials",
)


@dataclass(frozen=True, slots=True)
class TaskDefaults:
    """What the platform adds to every task definition."""

    deployment: str
    region: str
    log_group: str
    execution_role: str = ""  #: used where a definition names none; empty: none


def task_definition(
    name: str, container: Mapping[str, Any], defaults: TaskDefaults
) -> dict[str, Any]:
    """RegisterTaskDefinition's request for a Fargate job of job definition `name`.

    `container` is containerProperties with its requirements checked. Raises ClientError when no
    Fargate size holds it.
    """
    milli_vcpus, memory = needs(container.get("resourceRequirements", ()))
    size = size_for(milli_vcpus, memory)
    if size is None:
        raise ClientError(f"resourceRequirements: {explain_misfit(milli_vcpus, memory)}.")
    platform = {"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"}
    request = {
        "family": f"{defaults.deployment}-{name}",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": size.cpu,
        "memory": size.memory,
        "runtimePlatform": {**platform, **container.get("runtimePlatform", {})},
        "executionRoleArn": container.get("executionRoleArn") or defaults.execution_role,
        "taskRoleArn": container.get("jobRoleArn"),
        "ephemeralStorage": container.get("ephemeralStorage"),
        "volumes": container.get("volumes"),
        "containerDefinitions": [_container(name, container, milli_vcpus, memory, defaults)],
    }
    return _said(request)


def _container(
    name: str, container: Mapping[str, Any], milli_vcpus: int, memory: int, defaults: TaskDefaults
) -> dict[str, Any]:
    return _said(
        {
            **{member: container.get(member) for member in _AS_THEY_ARE},
            "name": CONTAINER,
            "essential": True,
            "cpu": milli_vcpus * 1024 // 1000,
            "memory": memory,
            "stopTimeout": STOP_TIMEOUT,
            "logConfiguration": _logs(name, container.get("logConfiguration"), defaults),
        }
    )


def _logs(name: str, asked: Mapping[str, Any] | None, defaults: TaskDefaults) -> Mapping[str, Any]:
    """As asked; awslogs options that are not said are the platform's."""
    if asked and asked["logDriver"] != "awslogs":
        return _said(asked)
    options = {
        "awslogs-group": defaults.log_group,
        "awslogs-region": defaults.region,
        "awslogs-stream-prefix": name[:STREAM_PREFIX_LIMIT],
        "awslogs-create-group": "true",
    }
    asked = asked or {}
    said = {**asked, "logDriver": "awslogs", "options": {**options, **asked.get("options", {})}}
    return _said(said)


def digest(request: Mapping[str, Any]) -> str:
    """The name of this content: equal requests have equal digests, in every process."""
    text = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _said(request: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was left empty: content that means the same is the same content."""
    return {name: value for name, value in request.items() if value not in (None, "", [], {})}
