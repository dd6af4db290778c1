"""What a job definition must be, and the shape in which it is kept and described.

This platform runs `container` jobs with containerProperties on FARGATE. The other kinds are
refused here, in `_kind`, and nowhere else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.core import extensions, rules
from lambdas.core.errors import ClientError, InvalidRequest, shown
from lambdas.core.fargate import explain_misfit, size_for

#: ECS refuses a task definition above 64 KiB; ours adds a little to the definition's own.
LARGEST_DEFINITION = 60 * 1024

_IMAGE = re.compile(r"[A-Za-z0-9_.:/#@+-]{1,255}")
_VOLUME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ROLE = re.compile(r"arn:[a-z0-9-]+:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}", re.ASCII)
_DISK = (21, 200)
_A_FEW = 5
_LOG_DRIVERS = ("awslogs", "splunk")
_NOT_ON_FARGATE = ("vcpus", "memory", "privileged", "instanceType")
_LINUX_NOT_ON_FARGATE = ("devices", "sharedMemorySize", "tmpfs", "maxSwap", "swappiness")
_LISTS = ("command", "volumes", "environment", "mountPoints", "ulimits", "secrets")


def check_definition(body: Mapping[str, Any], pass_roles: Sequence[str]) -> None:
    """Raises ClientError when RegisterJobDefinition's `body` can not become a job here."""
    rules.name("jobDefinitionName", body["jobDefinitionName"])
    _size(body)
    _kind(body)
    if "schedulingPriority" in body:
        rules.job_priority("schedulingPriority", body["schedulingPriority"])
    rules.retry_strategy("retryStrategy", body.get("retryStrategy", {}))
    rules.timeout("timeout", body.get("timeout", {}))
    rules.parameters("parameters", body.get("parameters", {}))
    rules.tags("tags", body.get("tags", {}))
    extensions.read(body.get("tags", {}), "tags", of_job=False)
    check_container("containerProperties", body["containerProperties"], pass_roles)


def _size(body: Mapping[str, Any]) -> None:
    """Before anything is looked at in detail."""
    size = len(json.dumps(body, ensure_ascii=False).encode())
    if size > LARGEST_DEFINITION:
        raise ClientError(
            f"The job definition is {size:,} bytes: at most {LARGEST_DEFINITION:,} are allowed."
        )


def _kind(body: Mapping[str, Any]) -> None:
    """The seam for kinds of jobs that this platform learns to run."""
    if body["type"] != "container":
        raise InvalidRequest("type", body["type"], "only 'container' jobs are supported.")
    others = ("nodeProperties", "eksProperties", "ecsProperties", "consumableResourceProperties")
    rules.refuse("", body, others, "only jobs with containerProperties are.")
    if "containerProperties" not in body:
        raise ClientError("containerProperties is required for a job of type 'container'.")
    platforms = body.get("platformCapabilities") or ["EC2"]
    if platforms != ["FARGATE"]:
        raise InvalidRequest(
            "platformCapabilities",
            ", ".join(platforms),
            "only FARGATE is supported (left out, it means EC2 on AWS Batch).",
        )


def check_container(path: str, container: Mapping[str, Any], pass_roles: Sequence[str]) -> None:
    """containerProperties of a Fargate job."""
    if not _IMAGE.fullmatch(image := container.get("image", "")):
        raise InvalidRequest(
            f"{path}.image", image, "1 to 255 letters, digits and _ . : / # @ + - are allowed."
        )
    rules.refuse(path, container, _NOT_ON_FARGATE, "Fargate jobs do not have it.")
    linux = container.get("linuxParameters", {})
    rules.refuse(
        f"{path}.linuxParameters", linux, _LINUX_NOT_ON_FARGATE, "Fargate does not have it."
    )
    rules.environment(f"{path}.environment", container.get("environment", ()))
    _resources(f"{path}.resourceRequirements", container.get("resourceRequirements", ()))
    _volumes(path, container)
    _fargate_parts(path, container)
    for member in ("jobRoleArn", "executionRoleArn"):
        if member in container:
            check_role(f"{path}.{member}", container[member], pass_roles)


def _resources(path: str, requirements: Sequence[Mapping[str, str]]) -> None:
    rules.resources(path, requirements)
    said = {requirement["type"] for requirement in requirements}
    for kind in ("VCPU", "MEMORY"):
        if kind not in said:
            raise ClientError(f"{path} must have an entry of type {kind} for a Fargate job.")
    check_fit(path, *rules.needs(requirements))


def check_fit(path: str, milli_vcpus: int, memory: int) -> None:
    """Refuse what no Fargate size can hold, with the reason."""
    if size_for(milli_vcpus, memory) is None:
        raise ClientError(f"{path}: {explain_misfit(milli_vcpus, memory)}.")


def _volumes(path: str, container: Mapping[str, Any]) -> None:
    names: list[str] = []
    for index, volume in enumerate(container.get("volumes", ())):
        where, name = f"{path}.volumes[{index}]", volume.get("name", "")
        if not _VOLUME.fullmatch(name) or name in names:
            allowed = "1 to 255 letters, digits, - and _, each name once, are allowed."
            raise InvalidRequest(f"{where}.name", name, allowed)
        rules.refuse(
            f"{where}.host", volume.get("host", {}), ("sourcePath",), "Fargate has no host."
        )
        names.append(name)
    for index, mount in enumerate(container.get("mountPoints", ())):
        if mount.get("sourceVolume") not in names:
            raise InvalidRequest(
                f"{path}.mountPoints[{index}].sourceVolume",
                mount.get("sourceVolume", ""),
                f"the name of a volume of this definition is needed ({_some(names)}).",
            )


def _some(names: Sequence[str]) -> str:
    """A few of the names, so that a sentence stays one."""
    return (
        ", ".join(shown(name) for name in names[:_A_FEW]) + ("…" * (len(names) > _A_FEW)) or "none"
    )


def _fargate_parts(path: str, container: Mapping[str, Any]) -> None:
    disk = container.get("ephemeralStorage", {}).get("sizeInGiB")
    if disk is not None and not _DISK[0] <= disk <= _DISK[1]:
        raise InvalidRequest(
            f"{path}.ephemeralStorage.sizeInGiB", disk, f"{_DISK[0]} to {_DISK[1]} is allowed."
        )
    driver = container.get("logConfiguration", {}).get("logDriver", "awslogs")
    if driver not in _LOG_DRIVERS:
        raise InvalidRequest(
            f"{path}.logConfiguration.logDriver", driver, "awslogs or splunk is allowed on Fargate."
        )
    for index, limit in enumerate(container.get("ulimits", ())):
        if limit["name"] != "nofile":
            raise InvalidRequest(
                f"{path}.ulimits[{index}].name", limit["name"], "only nofile is allowed on Fargate."
            )
    _runtime_platform(f"{path}.runtimePlatform", container.get("runtimePlatform", {}))


def _runtime_platform(path: str, platform: Mapping[str, str]) -> None:
    family = platform.get("operatingSystemFamily", "LINUX")
    if family != "LINUX":
        raise InvalidRequest(f"{path}.operatingSystemFamily", family, "only LINUX is supported.")
    architecture = platform.get("cpuArchitecture", "X86_64")
    if architecture not in ("X86_64", "ARM64"):
        raise InvalidRequest(f"{path}.cpuArchitecture", architecture, "X86_64 or ARM64 is allowed.")


def check_role(path: str, arn: str, pass_roles: Sequence[str]) -> None:
    """A job may be given only roles that whoever deployed the platform allows."""
    if not _ROLE.fullmatch(arn):
        raise InvalidRequest(path, arn, "the ARN of an IAM role is needed.")
    if not any(_matches(pattern, arn) for pattern in pass_roles):
        raise ClientError(
            f"{path} is {shown(arn, 200)}: this platform may not pass that role; put the role under "
            "the path /batchyard/jobs/, or add its ARN to the context batchyard:passRoles in "
            "cdk.json and deploy."
        )


def _matches(pattern: str, text: str) -> bool:
    """IAM's wildcards: `*` any characters, `?` one."""
    regex = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(regex, text) is not None


# ── how it is kept ────────────────────────────────────────────────────────────────────────────


def normalised_definition(body: Mapping[str, Any]) -> dict[str, Any]:
    """A checked request as DescribeJobDefinitions answers it, without ARN, revision and status."""
    container = dict(body["containerProperties"])
    for member in _LISTS:
        container.setdefault(member, [])
    container.setdefault("fargatePlatformConfiguration", {"platformVersion": "LATEST"})
    detail = {
        "jobDefinitionName": body["jobDefinitionName"],
        "type": body["type"],
        "parameters": dict(body.get("parameters", {})),
        "containerProperties": container,
        "platformCapabilities": list(body["platformCapabilities"]),
        "containerOrchestrationType": "ECS",
        "tags": dict(body.get("tags", {})),
    }
    if body.get("retryStrategy"):
        detail["retryStrategy"] = rules.normalised_retry(body["retryStrategy"])
    if body.get("timeout"):
        detail["timeout"] = dict(body["timeout"])
    for member in ("schedulingPriority", "propagateTags"):
        if member in body:
            detail[member] = body[member]
    return detail
