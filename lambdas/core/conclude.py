"""What the end of a task means for its job: succeeded, failed, or to be tried again, and why.

AWS Batch's words, verbatim: clients match on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lambdas.core.extensions import Backoff, infrastructure_attempts
from lambdas.core.job import JobState
from lambdas.core.ports import TaskReport
from lambdas.core.retry import AttemptOutcome, RetryCode, decide

NORMAL_END = "Essential container in task exited"
NEVER_STARTED = "Task failed to start"
SPOT_INTERRUPTED = "Your Spot Task was interrupted."
TIMED_OUT = "Job attempt duration exceeded timeout"
OUT_OF_MEMORY = "OutOfMemoryError"
HOST_LOST = "Host EC2"

#: AWS Batch's bound on a container's reason, and ours on a status reason.
REASON_LIMIT = 255

#: ECS's stop codes that mean: somebody or something ended the task, it did not end by itself.
_STOPPED_FROM_OUTSIDE = frozenset({"UserInitiated", "SpotInterruption", "TerminationNotice"})
_START_FAILED = "TaskFailedToStart"

_DISK_FULL = "no space left on device"
_IMAGE_ERRORS = (
    "CannotPull",
    "CannotInspectImage",
    "ImageManifest",
    "InternalError: unable to pull",
)
_PLATFORM_ERRORS = (
    "DockerTimeoutError",
    "ResourceInitializationError",
    "CannotInspectContainerError",
    "CannotStopContainerError",
    "InternalError",
    "Timeout waiting",
)


class Kind(StrEnum):
    """What becomes of the job."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    RETRY = "RETRY"


class Failure(StrEnum):
    """Whose fault a failed attempt was."""

    APPLICATION = "application"
    OUT_OF_MEMORY = "out-of-memory"
    TIME_OUT = "time-out"
    IMAGE = "image"
    DISK_FULL = "disk-full"
    INFRASTRUCTURE = "infrastructure"
    DEFINITION = "definition"  #: ECS can never run it as asked
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """`outcome` as transitions take it; `until` (epoch ms) ends a backoff; `code` and `reason` say
    what decided; `failure` is None after a success; `spared`: the attempt does not count."""

    kind: Kind
    outcome: Mapping[str, Any]
    code: str
    reason: str
    failure: Failure | None = None
    until: int | None = None
    spared: bool = False


def conclude(
    state: JobState,
    retry: Mapping[str, Any],
    extensions: Mapping[str, str],
    report: TaskReport,
    now: int,
) -> Conclusion:
    """Judge the STOPPED task of the live attempt of `state`.

    Exit code 0 is success when the container ended by itself, even if a stop was wished too late.
    A task that was stopped from outside (by us, by a person, by the end of Spot capacity) did not
    do its work, whatever code its handler of SIGTERM returned. Without an exit code nothing ran to
    its end.
    """
    end = outcome_of(state, report, now)
    told = _told(end)
    if end.exit_code == 0 and report.stop_code not in _STOPPED_FROM_OUTSIDE:
        return Conclusion(Kind.SUCCEEDED, told, "EXIT_0", "the container ended with exit code 0")
    failure = classify(end, report)
    told["failure"] = failure.value
    spare = _host_lost(end) and state.lost < infrastructure_attempts(extensions)
    decision = decide(retry, state.attempt - state.lost, end, spare)
    code, why = decision.code, decision.reason
    if not decision.retry:
        return Conclusion(Kind.FAILED, told, code.value, why, failure)
    until = _until(extensions, state.attempt, end.stopped, now)
    return Conclusion(Kind.RETRY, told, code.value, why, failure, until, code is RetryCode.SPARED)


def outcome_of(state: JobState, report: TaskReport, now: int) -> AttemptOutcome:
    """The attempt's end in AWS Batch's words."""
    reason = report.container.reason
    if reason is None and report.stop_code == _START_FAILED:
        reason = report.stopped_reason
    ended_well = report.container.exit_code == 0 and report.stop_code not in _STOPPED_FROM_OUTSIDE
    return AttemptOutcome(
        exit_code=report.container.exit_code,
        reason=reason[:REASON_LIMIT] if reason else None,
        status_reason=NORMAL_END if ended_well else _status_reason(state, report),
        stop_kind=state.stop_kind if state.stop and not ended_well else None,
        started=report.started or state.started,
        stopped=report.stopped or now,
        task=report.task or state.task,
        refused=report.stop_code == _START_FAILED and not report.task,
    )


def classify(end: AttemptOutcome, report: TaskReport) -> Failure:
    """Whose fault a failed attempt was."""
    if end.stop_kind:
        return Failure.TIME_OUT if end.stop_kind == "timeout" else Failure.CANCELLED
    if end.refused:
        return Failure.DEFINITION
    reason = end.reason or ""
    if reason.startswith(OUT_OF_MEMORY):
        return Failure.OUT_OF_MEMORY
    if _DISK_FULL in reason.lower():
        return Failure.DISK_FULL
    if reason.startswith(_IMAGE_ERRORS):
        return Failure.IMAGE
    if _platform_failed(end, report):
        return Failure.INFRASTRUCTURE
    return Failure.APPLICATION


def _platform_failed(end: AttemptOutcome, report: TaskReport) -> bool:
    broken = (end.reason or "").startswith(_PLATFORM_ERRORS)
    silent = end.exit_code is None and not end.reason
    return _host_lost(end) or broken or silent or report.stop_code in _STOPPED_FROM_OUTSIDE


def _host_lost(end: AttemptOutcome) -> bool:
    """The machine went away beneath the job: Spot was taken back, or the host was terminated."""
    return (end.status_reason or "").startswith((HOST_LOST, SPOT_INTERRUPTED))


def _status_reason(state: JobState, report: TaskReport) -> str:
    if state.stop:
        return TIMED_OUT if state.stop_kind == "timeout" else state.stop
    said = (report.stopped_reason or "")[:REASON_LIMIT]
    if said.startswith(HOST_LOST):
        return said
    if report.stop_code in ("SpotInterruption", "TerminationNotice") and report.host:
        return f"{HOST_LOST} (instance {report.host}) terminated."
    if report.stop_code == "SpotInterruption" or said.startswith(SPOT_INTERRUPTED):
        return SPOT_INTERRUPTED
    if report.stop_code == _START_FAILED:
        return NEVER_STARTED
    if report.stop_code in _STOPPED_FROM_OUTSIDE and said:
        return said
    if report.container.exit_code is None and not report.started:
        return said or NEVER_STARTED
    return NORMAL_END if report.container.exit_code is not None else said or NORMAL_END


def _until(extensions: Mapping[str, str], attempt: int, stopped: int, now: int) -> int | None:
    """When the next attempt may begin; None: at once."""
    if "backoff" not in extensions:
        return None
    delay = Backoff.parse(extensions["backoff"]).delay(attempt)
    until = min(stopped, now) + delay * 1000
    return until if until > now else None


def _told(end: AttemptOutcome) -> dict[str, Any]:
    return {
        "stopped": end.stopped,
        "exit": end.exit_code,
        "reason": end.reason,
        "status_reason": end.status_reason,
        "task": end.task,
        "started": end.started,
    }
