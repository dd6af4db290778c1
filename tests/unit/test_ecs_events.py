"""One reading of what ECS says of a task, by event or by DescribeTasks."""

from __future__ import annotations

import pytest

from lambdas.core.ecs_events import report_of
from lambdas.core.ports import TaskContainer, TaskReport

TASK = "arn:aws:ecs:us-east-1:123456789012:task/yard/abc"

#: As in the ECS developer guide's example of a stopped task's event, shortened.
STOPPED = {
    "attachments": [
        {
            "type": "eni",
            "details": [
                {"name": "subnetId", "value": "subnet-1"},
                {"name": "privateIPv4Address", "value": "10.0.1.30"},
            ],
        }
    ],
    "containers": [
        {"name": "sidecar", "exitCode": 9},
        {"name": "default", "exitCode": 137, "reason": "OutOfMemoryError: killed"},
    ],
    "desiredStatus": "STOPPED",
    "lastStatus": "STOPPED",
    "startedAt": "2026-01-01T00:00:01.5Z",
    "startedBy": "job/run",
    "stopCode": "EssentialContainerExited",
    "stoppedAt": "2026-01-01T00:00:02.123456789Z",
    "stoppedReason": "Essential container in task exited",
    "taskArn": TASK,
    "version": 4,
}


def test_an_event_of_a_stopped_task() -> None:
    assert report_of(STOPPED) == TaskReport(
        task=TASK,
        started_by="job/run",
        status="STOPPED",
        version=4,
        container=TaskContainer(137, "OutOfMemoryError: killed"),
        started=1_767_225_601_500,
        stopped=1_767_225_602_123,
        stop_code="EssentialContainerExited",
        stopped_reason="Essential container in task exited",
        private_ip="10.0.1.30",
    )


def test_a_task_that_has_only_begun() -> None:
    report = report_of({"taskArn": TASK, "lastStatus": "PROVISIONING"})
    assert report == TaskReport(TASK, "", "PROVISIONING", 0, TaskContainer())


@pytest.mark.parametrize(
    ("said", "millis"),
    [
        (1_767_225_600_000, 1_767_225_600_000),
        ("2026-01-01T00:00:00+00:00", 1_767_225_600_000),
        ("2026-01-01T01:00:00.25+01:00", 1_767_225_600_250),
        ("2026-01-01T00:00:00", 1_767_225_600_000),
        (None, None),
    ],
)
def test_times_are_milliseconds(said: object, millis: int | None) -> None:
    assert report_of({**STOPPED, "startedAt": said}).started == millis


def test_a_hosts_task_names_its_host_and_address() -> None:
    report = report_of(
        {
            "taskArn": TASK,
            "lastStatus": "RUNNING",
            "containerInstanceArn": "arn:host",
            "containers": [
                {"name": "default", "networkInterfaces": [{"privateIpv4Address": "10.0.0.9"}]}
            ],
        }
    )
    assert (report.host, report.private_ip) == ("arn:host", "10.0.0.9")


@pytest.mark.parametrize("detail", [{}, {"taskArn": TASK}, {**STOPPED, "startedAt": "yesterday"}])
def test_what_is_no_task_is_refused(detail: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError)):
        report_of(detail)


@pytest.mark.parametrize(
    "change",
    [
        {"containers": [1]},
        {"attachments": [5]},
        {"version": float("inf")},
        {"startedBy": 5},
        {"startedBy": "x/" * 2000},
        {"taskArn": {}},
        {"taskArn": ""},
        {"stoppedReason": "\ud800"},
        {"stoppedAt": 10**40},
        {"containers": [{"name": "default", "exitCode": "1"}]},
    ],
)
def test_what_ecs_never_sends_is_no_report(change):
    """Each of these was an event that came again until its queue gave it up."""
    with pytest.raises(ValueError):  # noqa: PT011 — whichever: the handler asks no more
        report_of({"taskArn": "arn", "lastStatus": "STOPPED", **change})
