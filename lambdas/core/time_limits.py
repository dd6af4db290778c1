"""jobStateTimeLimitActions: jobs that are blocked for too long are stopped.

AWS Batch's rules (user guide, "Automatic remediation with jobStateTimeLimitActions"): a job queue
names reasons for which a RUNNABLE job may be blocked, each with a time; a job blocked for longer is
cancelled. Here the time runs for every job that a tick looks at, not only for the very first of the
queue. A job that waits because other jobs take the room is not blocked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.core.catalog import TimeLimit
from lambdas.core.errors import InvalidRequest
from lambdas.core.fargate import size_for
from lambdas.core.job import JobState
from lambdas.core.scheduling import Code
from lambdas.core.shape import Shape

NO_INSTANCES = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"
TOO_SMALL = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"
TOO_MUCH = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"
#: AWS Batch's reasons for queues of compute environments; the last is for EC2 alone.
REASONS = (
    NO_INSTANCES,
    TOO_SMALL,
    TOO_MUCH,
    "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
)
SHORTEST, LONGEST = 600, 86_400

_DONE = {"CANCEL": "Canceled", "TERMINATE": "Terminated"}


def check(actions: Sequence[Mapping[str, Any]]) -> None:
    """Raises InvalidRequest for what is no list of time limits; the service model was checked."""
    seen: set[str] = set()
    for index, action in enumerate(actions):
        path, reason = f"jobStateTimeLimitActions[{index}]", action["reason"]
        if reason not in REASONS:
            raise InvalidRequest(
                f"{path}.reason", reason, f"one of {', '.join(REASONS)} is allowed."
            )
        if reason in seen:
            raise InvalidRequest(f"{path}.reason", reason, "each reason is allowed once.")
        seen.add(reason)
        seconds = action["maxTimeSeconds"]
        if not SHORTEST <= seconds <= LONGEST:
            allowed = f"{SHORTEST} to {LONGEST} is allowed."
            raise InvalidRequest(f"{path}.maxTimeSeconds", seconds, allowed)


def blocked(state: JobState) -> tuple[str, int] | None:
    """The reason for which a waiting job is blocked, and since when (epoch ms); None if it is not."""
    if state.launches:
        return NO_INSTANCES, state.blocked or state.created
    if state.why_code != Code.INFEASIBLE or state.parked is None:
        return None
    shape = Shape.parse(state.shape)
    reason = TOO_SMALL if size_for(shape.milli_vcpus, shape.memory) else TOO_MUCH
    return reason, max(state.parked, state.blocked or 0)


def overdue(state: JobState, limits: Sequence[TimeLimit], now: int) -> TimeLimit | None:
    """The limit that a waiting job has passed."""
    found = blocked(state) if limits else None
    if found is None:
        return None
    reason, since = found
    passed = (limit for limit in limits if limit.reason == reason and now - since >= limit.most)
    return next(passed, None)


def status_reason(limit: TimeLimit) -> str:
    """AWS Batch's words for a job that was stopped by a limit."""
    return f"{_DONE[limit.action]} by JobStateTimeLimit action due to reason: {limit.reason}"
