"""The life of one ECS task, as changes to MiniStack's record of it: pure but for the record.

A record is the dictionary that MiniStack keeps: ECS's `Task` shape, plus private keys that start
with an underscore. Times are ISO 8601 text with milliseconds; MiniStack turns them into the
numbers of the API, events carry them as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

Record = dict[str, Any]

#: ECS's life cycle; a report that would go back is an old one.
LIFE = (
    "PROVISIONING",
    "PENDING",
    "ACTIVATING",
    "RUNNING",
    "DEACTIVATING",
    "STOPPING",
    "DEPROVISIONING",
    "STOPPED",
)
EXITED = "Essential container in task exited"
HOST_LOST = "Host EC2 ("
FARGATE = "FARGATE"
ADDRESS = "127.0.0.1"  # where a local task really is


def role(request: Mapping[str, Any], definition: Mapping[str, Any]) -> str:
    """The role a task acts as: RunTask's, else its definition's; empty when it has none."""
    overrides = request.get("overrides") or {}
    return str(overrides.get("taskRoleArn") or definition.get("taskRoleArn") or "")


def iso(epoch: float) -> str:
    """Seconds since the epoch as ECS writes a time in an event."""
    text = datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def digest(request: Mapping[str, Any]) -> str:
    """What makes two RunTask requests the same: all of it but the token."""
    rest = {k: v for k, v in request.items() if k != "clientToken"}
    return sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def place(record: Record, definition: Mapping[str, Any], request: Mapping[str, Any]) -> None:
    """Make a fresh record of MiniStack's what ECS would answer: accepted, and nothing runs yet."""
    overrides = request.get("overrides") or {}
    record["lastStatus"] = "PROVISIONING"
    for name in ("pullStartedAt", "pullStoppedAt", "startedAt", "stopCode", "stoppedReason"):
        record[name] = None
    for name in ("cpu", "memory", "ephemeralStorage"):
        if overrides.get(name):
            record[name] = overrides[name]
    if not record.get("group"):
        record["group"] = f"family:{definition['family']}"
    for container in record["containers"]:
        container.update(lastStatus="PENDING", runtimeId=None, exitCode=None)
    record["_client_token"] = request.get("clientToken")
    record["_digest"] = digest(request)
    if record["launchType"] == FARGATE:
        record["containerInstanceArn"] = None
        _attach(record)


def _attach(record: Record) -> None:
    """A network interface, as every Fargate task has one; its address is this machine's."""
    name = str(uuid4())
    details = [{"name": "privateIPv4Address", "value": ADDRESS}]
    if record.get("_subnet"):
        details.insert(0, {"name": "subnetId", "value": record["_subnet"]})
    kind = "ElasticNetworkInterface"
    record["attachments"] = [{"id": name, "type": kind, "status": "ATTACHED", "details": details}]
    for container in record["containers"]:
        container["networkInterfaces"] = [{"attachmentId": name, "privateIpv4Address": ADDRESS}]


def advances(record: Record, status: str) -> bool:
    """Whether `status` lies ahead of where the task is."""
    return status in LIFE and LIFE.index(status) > LIFE.index(record["lastStatus"])


def move(record: Record, status: str, now: str) -> None:
    """One observable step short of the end: status, version and the time it is known by."""
    record["lastStatus"] = status
    record["version"] = int(record["version"]) + 1
    if status == "RUNNING":
        record["startedAt"] = now
        record["pullStoppedAt"] = record.get("pullStoppedAt") or now


def ask_to_stop(record: Record, reason: str, now: str) -> bool:
    """StopTask's mark; False when the task was asked before."""
    if record["desiredStatus"] == "STOPPED":
        return False
    record.update(
        desiredStatus="STOPPED", stoppingAt=now, stopCode="UserInitiated", stoppedReason=reason
    )
    record["version"] = int(record["version"]) + 1
    return True


def end(record: Record, reason: str | None, now: str) -> None:
    """The task's end. Why it ended is what StopTask said, else what its containers tell."""
    record["desiredStatus"] = "STOPPED"
    record["stoppingAt"] = record.get("stoppingAt") or now
    record["executionStoppedAt"] = record.get("executionStoppedAt") or now
    record["stoppedAt"] = now
    if not record.get("stopCode"):
        record["stopCode"] = _stop_code(record, reason)
        record["stoppedReason"] = reason or EXITED
    for container in record["containers"]:
        container["lastStatus"] = "STOPPED"
    move(record, "STOPPED", now)


def _stop_code(record: Record, reason: str | None) -> str:
    if reason and reason.startswith(HOST_LOST):
        return "TerminationNotice"
    exited = any(c.get("exitCode") is not None for c in record["containers"])
    return "EssentialContainerExited" if exited else "TaskFailedToStart"


def tell(record: Record, changes: Iterable[Mapping[str, Any]]) -> None:
    """Take over what the agent says of containers, by name."""
    named = {c["name"]: c for c in record["containers"]}
    for change in changes:
        container = named.get(change.get("containerName", ""))
        if container is None:
            continue
        for name in ("runtimeId", "exitCode", "imageDigest", "reason"):
            if change.get(name) is not None:
                container[name] = change[name]
        container["lastStatus"] = change.get("status") or container["lastStatus"]


def detail(record: Record, now: str) -> Record:
    """The `detail` of an `ECS Task State Change` event: the task without tags or blanks."""
    shown: Record = _public(record)
    shown.pop("tags", None)
    return {**shown, "updatedAt": now}


def _public(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {k: _public(v) for k, v in value.items() if not k.startswith("_")}
        return {k: v for k, v in kept.items() if v is not None and v != ""}
    if isinstance(value, list):
        return [_public(v) for v in value]
    return value
