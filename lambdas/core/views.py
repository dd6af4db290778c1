"""A job as AWS Batch's DescribeJobs and ListJobs show it (JobDetail, JobSummary)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.core.catalog import Arns, name_of
from lambdas.core.job import JobState, Status, Waiting, family
from lambdas.core.spec import JobSpec
from lambdas.core.tables import Item
from lambdas.core.task_definition import CONTAINER, STREAM_PREFIX_LIMIT

#: What a job is told to wait for while a user holds it back.
HELD = "Held until it is released"

#: Lists that AWS Batch always shows, empty or not.
_ALWAYS = (
    "command",
    "volumes",
    "environment",
    "mountPoints",
    "ulimits",
    "networkInterfaces",
    "resourceRequirements",
    "secrets",
)


def job_detail(
    state: JobState,
    spec: JobSpec,
    earlier: Sequence[Item],
    tags: Mapping[str, str],
    arns: Arns,
) -> dict[str, Any]:
    """JobDetail. `earlier` are the ATTEMPT items of attempts that STATE no longer speaks of; an
    array's `statusSummary` is the caller's to add."""
    attempts = [attempt_detail(item, spec) for item in earlier if "stopped" in item]
    latest = _latest(state) or (earlier[-1] if earlier else {})
    if state.status.ended and state.run:
        attempts.append(attempt_detail(latest, spec))
    detail: dict[str, Any] = {
        **_common(state, arns),
        "jobQueue": arns.queue(state.queue),
        "startedAt": state.started or 0,
        "attempts": attempts,
        "retryStrategy": {"attempts": 1, "evaluateOnExit": [], **spec.retry},
        "dependsOn": [dict(dependency) for dependency in spec.depends_on],
        "parameters": dict(spec.parameters),
        "container": {
            **{name: [] for name in _ALWAYS},
            **spec.container,
            **container_outcome(latest, spec),
        },
        "tags": dict(tags),
        "propagateTags": spec.propagate_tags,
        "platformCapabilities": [spec.platform],
        "isCancelled": state.stop_kind == "cancel",
        "isTerminated": state.stop_kind == "terminate",
    }
    if spec.timeout:
        detail["timeout"] = {"attemptDurationSeconds": spec.timeout}
    if state.priority or spec.priority is not None:
        detail["schedulingPriority"] = state.priority or spec.priority
    return detail


def job_summary(state: JobState, arns: Arns) -> dict[str, Any]:
    """JobSummary; flags and times are there only when they say something."""
    summary = _common(state, arns)
    said = {"startedAt": state.started, "scheduledAt": state.claimed}
    summary |= {name: value for name, value in said.items() if value is not None}
    container = {"exitCode": state.exit, "reason": state.reason}
    summary["container"] = {name: value for name, value in container.items() if value is not None}
    if state.stop_kind == "cancel":
        summary["isCancelled"] = True
    if state.stop_kind == "terminate":
        summary["isTerminated"] = True
    return summary


def attempt_detail(attempt: Mapping[str, Any], spec: JobSpec) -> dict[str, Any]:
    """AttemptDetail of an attempt that ended, from its item or the latest one's STATE."""
    times = {"startedAt": attempt.get("started"), "stoppedAt": attempt.get("stopped")}
    told = {**times, "statusReason": attempt.get("status_reason")}
    container = {"networkInterfaces": [], **container_outcome(attempt, spec)}
    return {"container": container, **{k: v for k, v in told.items() if v is not None}}


def container_outcome(attempt: Mapping[str, Any], spec: JobSpec) -> dict[str, Any]:
    """What became of the container in one attempt: exit code, reason, task and log stream."""
    told = {
        "exitCode": attempt.get("exit"),
        "reason": attempt.get("reason"),
        "taskArn": attempt.get("task"),
        "logStreamName": log_stream(attempt, spec),
    }
    return {name: value for name, value in told.items() if value is not None}


def log_stream(attempt: Mapping[str, Any], spec: JobSpec) -> str | None:
    """The attempt's stream of CloudWatch Logs; known from RUNNING on, as on AWS Batch."""
    task = attempt.get("task")
    ran = attempt.get("started") is not None or attempt.get("exit") is not None
    logs = spec.container.get("logConfiguration") or {}
    if not (task and ran) or logs.get("logDriver", "awslogs") != "awslogs":
        return None
    name = name_of(spec.definition).partition(":")[0][:STREAM_PREFIX_LIMIT]
    prefix = logs.get("options", {}).get("awslogs-stream-prefix", name)
    return f"{prefix}/{CONTAINER}/{name_of(task)}"


def status_reason(state: JobState) -> str | None:
    """Why the job stands where it stands: how it ended, or what it waits for."""
    if state.status.ended:
        return state.status_reason
    if state.held is not None and not state.status.live:
        return HELD
    if state.status is Status.RUNNABLE and state.waiting is Waiting.BACKOFF:
        return f"{state.why or 'The last attempt failed'}; waiting for a pause to end"
    return state.why if state.status is Status.RUNNABLE else None


def _common(state: JobState, arns: Arns) -> dict[str, Any]:
    name, _, revision = state.definition.rpartition(":")
    told: dict[str, Any] = {
        "jobArn": arns.job(state.id),
        "jobId": state.id,
        "jobName": state.name,
        "jobDefinition": arns.definition(name, int(revision)),
        "status": state.shown.value,
        "createdAt": state.created,
    }
    optional = {
        "statusReason": status_reason(state),
        "stoppedAt": state.stopped if state.status.ended else None,
        "shareIdentifier": state.share or None,
    }
    told |= {k: v for k, v in optional.items() if v is not None}
    return told | _array_properties(state)


def _array_properties(state: JobState) -> dict[str, Any]:
    index = family(state.id)[1]
    if index is not None:
        return {"arrayProperties": {"index": index}}
    return {"arrayProperties": {"size": state.size}} if state.size else {}


def _latest(state: JobState) -> dict[str, Any]:
    """The live or latest attempt as STATE tells it; nothing before the first and between two."""
    if state.run is None:
        return {}
    names = ("task", "started", "stopped", "exit", "reason", "status_reason")
    return {name: getattr(state, name) for name in names}
