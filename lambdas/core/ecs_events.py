"""What ECS says of a task, read the same way from its events and from DescribeTasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from lambdas.core.ports import TaskContainer, TaskReport

#: The name of the job's container in every task definition of ours.
CONTAINER = "default"

#: Beyond all that ECS sends.
_LONGEST = 1_024
_BIGGEST = 2**53


def report_of(task: Mapping[str, Any]) -> TaskReport:
    """The report in an `ECS Task State Change` detail or a task of DescribeTasks.

    Times are ISO 8601 text or epoch milliseconds. Raises ValueError for what is not a task:
    whatever it holds, an event that cannot be read is never a crash that comes again.
    """
    try:
        report = _read(task)
    except (AttributeError, KeyError, TypeError, ArithmeticError) as error:
        raise ValueError(f"no task of ECS: {error!r}") from None
    _check(report)
    return report


def _read(task: Mapping[str, Any]) -> TaskReport:
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


def _check(report: TaskReport) -> None:
    """Only what a table can keep, of the kinds that ECS sends. Raises ValueError."""
    needed = (report.task, report.status, report.started_by)
    reason, exit_code = report.container.reason, report.container.exit_code
    texts = (*needed, reason, report.stop_code, report.stopped_reason, report.host)
    numbers = (report.version, report.started, report.stopped, exit_code)
    for text in (*texts, report.private_ip):
        if text is not None and not isinstance(text, str):
            raise ValueError(f"{type(text).__name__} where ECS has text")
        (text or "").encode()
    if not report.task or any(len(text) > _LONGEST for text in needed):
        raise ValueError("a task without an ARN, or names longer than any of ECS's")
    for number in numbers:
        if number is not None and not (type(number) is int and abs(number) < _BIGGEST):
            raise ValueError("a number that ECS never sends")


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
