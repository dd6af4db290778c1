"""What a compute environment must be, and the shape in which it is kept and described.

This platform has MANAGED environments of FARGATE and FARGATE_SPOT. The other kinds are refused
here, in `_kind` and `_compute`, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lambdas.core import rules
from lambdas.core.errors import ClientError, InvalidRequest

FARGATE_KINDS = ("FARGATE", "FARGATE_SPOT")
MOST_VCPUS = 1_000_000
MOST_SUBNETS = 16
MOST_SECURITY_GROUPS = 5
LONGEST_TEXT = 2048

_SUBNET = re.compile(r"subnet-[0-9a-zA-Z]{1,32}")
_SECURITY_GROUP = re.compile(r"sg-[0-9a-zA-Z]{1,32}")
_NOT_FARGATE = (
    "allocationStrategy",
    "bidPercentage",
    "capacityTags",
    "ec2Configuration",
    "ec2KeyPair",
    "imageId",
    "instanceRole",
    "instanceTypes",
    "launchTemplate",
    "managedInstancesProvider",
    "placementGroup",
    "scalingPolicy",
    "spotIamFleetRole",
    "tags",
    "updateToLatestImageVersion",
)


def check_create(body: Mapping[str, Any]) -> None:
    """Raises ClientError when CreateComputeEnvironment's `body` cannot be had here."""
    rules.name("computeEnvironmentName", body["computeEnvironmentName"])
    _kind(body)
    if "computeResources" not in body:
        raise ClientError("computeResources is required for a MANAGED compute environment.")
    _compute(body["computeResources"])
    rules.tags("tags", body.get("tags", {}))


def check_update(body: Mapping[str, Any]) -> None:
    """The same for UpdateComputeEnvironment; what is not named stays as it is."""
    _kind(body)
    _compute(body.get("computeResources", {}))


def _kind(body: Mapping[str, Any]) -> None:
    """The seam for kinds of environments that this platform learns to have."""
    if body.get("type", "MANAGED") != "MANAGED":
        raise InvalidRequest("type", body["type"], "only MANAGED environments are supported.")
    ours = "only MANAGED Fargate environments on the platform's own cluster are."
    rules.refuse("", body, ("unmanagedvCpus", "eksConfiguration", "ecsSettings"), ours)
    for member in ("serviceRole", "context"):
        if len(body.get(member, "")) > LONGEST_TEXT:
            raise InvalidRequest(member, body[member], f"at most {LONGEST_TEXT} characters.")


def _compute(resources: Mapping[str, Any]) -> None:
    path = "computeResources"
    kind = resources.get("type", "FARGATE")
    if kind not in FARGATE_KINDS:
        raise InvalidRequest(
            f"{path}.type", kind, f"only {' and '.join(FARGATE_KINDS)} are supported."
        )
    rules.refuse(path, resources, _NOT_FARGATE, "Fargate environments do not have it.")
    for member in ("minvCpus", "desiredvCpus"):
        if resources.get(member, 0) != 0:
            value = resources[member]
            raise InvalidRequest(
                f"{path}.{member}", value, "Fargate keeps no capacity; leave it out."
            )
    maximum = resources.get("maxvCpus", 1)
    if not 1 <= maximum <= MOST_VCPUS:
        raise InvalidRequest(f"{path}.maxvCpus", maximum, f"1 to {MOST_VCPUS} is allowed.")
    _ids(f"{path}.subnets", resources.get("subnets", ()), _SUBNET, MOST_SUBNETS)
    groups = resources.get("securityGroupIds", ())
    _ids(f"{path}.securityGroupIds", groups, _SECURITY_GROUP, MOST_SECURITY_GROUPS)


def _ids(path: str, values: list[str], grammar: re.Pattern[str], most: int) -> None:
    if len(values) > most:
        raise ClientError(f"{path} has {len(values)} entries: at most {most} are allowed.")
    for index, value in enumerate(values):
        if not grammar.fullmatch(value):
            kind = grammar.pattern.split("-")[0]
            raise InvalidRequest(f"{path}[{index}]", value, f"an id such as {kind}-0abc is needed.")


# ── how it is kept ────────────────────────────────────────────────────────────────────────────


def normalised_environment(body: Mapping[str, Any]) -> dict[str, Any]:
    """A checked request as DescribeComputeEnvironments answers it, without ARNs and uuid."""
    detail = {
        "computeEnvironmentName": body["computeEnvironmentName"],
        "type": "MANAGED",
        "state": body.get("state", "ENABLED"),
        "status": "VALID",
        "statusReason": "ComputeEnvironment Healthy",
        "computeResources": _kept(body["computeResources"]),
        "containerOrchestrationType": "ECS",
        "tags": dict(body.get("tags", {})),
    }
    for member in ("serviceRole", "context"):
        if member in body:
            detail[member] = body[member]
    return detail


def updated_environment(detail: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The detail after a checked UpdateComputeEnvironment."""
    resources = {**detail["computeResources"], **_kept(body.get("computeResources", {}))}
    named = {m: body[m] for m in ("state", "serviceRole", "updatePolicy", "context") if m in body}
    return {**detail, **named, "computeResources": resources}


def _kept(resources: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("type", "maxvCpus", "subnets", "securityGroupIds")
    return {member: resources[member] for member in kept if member in resources}
