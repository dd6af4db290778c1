"""What ECS says of a task, read the same way from its events and from DescribeTasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from lambdas.core.ports import TaskContainer, TaskReport

#: The name of the job's container in every task definition of ours.
CONTAINER = "default"


def report_of(task: Mapping[str, Any]) -> TaskReport:
    """The report in an `ECS Task State Change` detail or a task of DescribeTasks.

    Times are ISO 8601 text or epoch milliseconds. Raises KeyError or ValueError for what is not a
    task.
    """
    return TaskReport(
        task=task["taskArn"],
        started_by=task.get("startedBy") or "",
        status=task["lastStatus"],
        version=int(task.get("version") or 0),
        container=_container(task.get("containers") or ()),
        started=_millis(task.get("startedAt")),
        stopped=_millis(task.get("stoppedAt")),
        stop_code=task.get("stopCode") or None,
        stopped_reason=task.get("stoppedReason") or None,
        host=task.get("containerInstanceArn") or None,
        private_ip=_private_ip(task),
    )


def _container(containers: Sequence[Mapping[str, Any]]) -> TaskContainer:
    for container in containers:
        if container.get("name") == CONTAINER:
            return TaskContainer(container.get("exitCode"), container.get("reason") or None)
    return TaskContainer()


def _private_ip(task: Mapping[str, Any]) -> str | None:
    """The address of the task's own network interface (awsvpc)."""
    for attachment in task.get("attachments") or ():
        for detail in attachment.get("details") or ():
            if detail.get("name") == "privateIPv4Address":
                return detail.get("value") or None
    for container in task.get("containers") or ():
        for interface in container.get("networkInterfaces") or ():
            if interface.get("privateIpv4Address"):
                return str(interface["privateIpv4Address"])
    return None


def _millis(value: str | int | None) -> int | None:
    if value is None or isinstance(value, int):
        return value
    at = datetime.fromisoformat(value)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return int(at.timestamp()) * 1000 + at.microsecond // 1000
