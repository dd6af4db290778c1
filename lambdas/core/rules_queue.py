"""What a job queue must be, and the shape in which it is kept and described."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.core import rules, time_limits
from lambdas.core.catalog import Environment
from lambdas.core.errors import ClientError, InvalidRequest

HIGHEST_PRIORITY = 1000
#: A change of a queue touches each of its environments in one transaction.
MOST_ENVIRONMENTS = 50
LONGEST_SQS_NAME = 80

_LATER = ("serviceEnvironmentOrder",)


def check_create(body: Mapping[str, Any]) -> None:
    """Raises ClientError when CreateJobQueue's `body` cannot be had here."""
    rules.name("jobQueueName", body["jobQueueName"])
    kind = body.get("jobQueueType", "ECS_FARGATE")
    if kind != "ECS_FARGATE":
        raise InvalidRequest("jobQueueType", kind, "only ECS_FARGATE is supported.")
    if "computeEnvironmentOrder" not in body:
        raise ClientError("computeEnvironmentOrder is required.")
    rules.tags("tags", body.get("tags", {}))
    check_update(body)


def check_update(body: Mapping[str, Any]) -> None:
    """The rules that a create and an update share."""
    rules.refuse(
        "",
        body,
        _LATER,
        "job queues here have compute environments, a policy, a priority and time limits only.",
    )
    priority = body.get("priority", 0)
    if not 0 <= priority <= HIGHEST_PRIORITY:
        raise InvalidRequest("priority", priority, f"0 to {HIGHEST_PRIORITY} is allowed.")
    if "computeEnvironmentOrder" in body:
        _order(body["computeEnvironmentOrder"])
    time_limits.check(body.get("jobStateTimeLimitActions", ()))


def _order(entries: Sequence[Mapping[str, Any]]) -> None:
    path = "computeEnvironmentOrder"
    if not 1 <= len(entries) <= MOST_ENVIRONMENTS:
        raise ClientError(
            f"{path} has {len(entries)} entries: 1 to {MOST_ENVIRONMENTS} are allowed."
        )
    orders: set[int] = set()
    for index, entry in enumerate(entries):
        if entry["order"] in orders:
            raise InvalidRequest(
                f"{path}[{index}].order", entry["order"], "each order is allowed once."
            )
        orders.add(entry["order"])


def check_environments(environments: Sequence[Environment]) -> None:
    """Environments of one queue are of one platform, each named once."""
    names = [environment.name for environment in environments]
    platforms = {environment.platform: environment.name for environment in environments}
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequest("computeEnvironmentOrder", twice, "each environment is allowed once.")
    if len(platforms) > 1:
        told = " and ".join(f"{name} ({platform})" for platform, name in sorted(platforms.items()))
        raise ClientError(
            f"computeEnvironmentOrder mixes {told}: Fargate and EC2 cannot share a job queue."
        )


def check_policy(queue: str, before: str | None, wanted: str | None) -> None:
    """A queue is made with a policy or without one for good; a policy may be replaced (AWS
    Batch's UpdateJobQueue). Raises ClientError."""
    if wanted and not before:
        raise InvalidRequest(
            "schedulingPolicyArn",
            wanted,
            f"job queue {queue} was made without a policy and cannot get one.",
        )
    if before and wanted == "":
        raise InvalidRequest(
            "schedulingPolicyArn", wanted, "a policy can be replaced, but not removed."
        )


def inbox_name(deployment: str, queue: str) -> str:
    """The name of a queue's SQS queue; one that SQS finds too long is cut and made unique."""
    name = f"{deployment}-jq-{queue}"
    if len(name) <= LONGEST_SQS_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: LONGEST_SQS_NAME - 13]}-{digest}"


# ── how it is kept ────────────────────────────────────────────────────────────────────────────


def normalised_queue(
    body: Mapping[str, Any], environments: Sequence[Environment]
) -> dict[str, Any]:
    """A checked request as DescribeJobQueues answers it, without the queue's ARN."""
    limits = body.get("jobStateTimeLimitActions")
    policy = body.get("schedulingPolicyArn")
    return {
        "jobQueueName": body["jobQueueName"],
        "state": body.get("state", "ENABLED"),
        "status": "VALID",
        "statusReason": "JobQueue Healthy",
        "priority": body["priority"],
        "computeEnvironmentOrder": ordered(body["computeEnvironmentOrder"], environments),
        "jobQueueType": "ECS_FARGATE",
        "tags": dict(body.get("tags", {})),
        **(
            {"jobStateTimeLimitActions": [dict(each) for each in limits]}
            if limits is not None
            else {}
        ),
        **({"schedulingPolicyArn": policy} if policy else {}),
    }


def ordered(
    entries: Sequence[Mapping[str, Any]], environments: Sequence[Environment]
) -> list[dict[str, Any]]:
    """The order as described: by number, environments as ARNs. `environments` go with `entries`."""
    pairs = zip(entries, environments, strict=True)
    kept = [{"order": entry["order"], "computeEnvironment": env.arn} for entry, env in pairs]
    return sorted(kept, key=lambda entry: entry["order"])
