"""Calls for many jobs at once: each job has an outcome of its own, and the call succeeds.

CancelJobs and TerminateJobs are AWS Batch's. SubmitJobs is ours: its entries are SubmitJob's
requests, and a repeated call with the same client token makes no job twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from lambdas.core.errors import (
    ApiError,
    InvalidRequest,
    Throttled,
    TooManyRequests,
    UnknownResource,
)
from lambdas.core.ports import Clock

#: As AWS Batch: jobs in one CancelJobs or TerminateJobs.
MOST_STOPS = 50
MOST_SUBMITS = 1000

#: A call begins no further submit after so long (ms): API Gateway gives the answer up after 29 s.
SUBMITTING = 20_000

Body = Mapping[str, Any]
Answer = dict[str, Any]
Stop = Callable[[Body, str], object]


class Jobs(Protocol):
    def cancel(self, body: Body, caller: str) -> Answer: ...

    def terminate(self, body: Body, caller: str) -> Answer: ...


class Submits(Protocol):
    def submit(self, body: Body, caller: str, token: str | None) -> Answer: ...


class Bulk:
    def __init__(self, jobs: Jobs, submits: Submits, clock: Clock) -> None:
        self._jobs = jobs
        self._submits = submits
        self._clock = clock

    def cancel(self, body: Body, caller: str) -> Answer:
        """CancelJobs: as CancelJob, for up to 50; a job that does not exist counts as done."""
        return _stop_each(body, caller, self._jobs.cancel)

    def terminate(self, body: Body, caller: str) -> Answer:
        """TerminateJobs: as TerminateJob, for up to 50; a job that does not exist counts as done."""
        return _stop_each(body, caller, self._jobs.terminate)

    def submit(self, body: Body, caller: str, token: str | None = None) -> Answer:
        """SubmitJobs: up to 1,000, in order. `index` says which entry an outcome is of; those that
        the call had no time for are answered with TooManyRequestsException, nothing was done."""
        requests = _bounded(body["jobs"], MOST_SUBMITS)
        begun = self._clock.now()
        successful: list[Answer] = []
        errors: list[Answer] = []
        for index, request in enumerate(requests):
            own = f"{token}/{index}" if token else None
            try:
                if self._clock.now() - begun >= SUBMITTING:
                    raise TooManyRequests("This call has no time left: submit it again.")
                answer = self._submits.submit(request, caller, own)
            except (ApiError, Throttled) as error:
                errors.append({"index": index, **_told(error)})
            else:
                successful.append({"index": index, **answer})
        return {"successful": successful, "errors": errors}


def _stop_each(body: Body, caller: str, stop: Stop) -> Answer:
    successful: list[str] = []
    errors: list[Answer] = []
    for job in dict.fromkeys(_bounded(body["jobs"], MOST_STOPS)):
        try:
            stop({"jobId": job, "reason": body["reason"]}, caller)
        except UnknownResource:
            successful.append(job)
        except (ApiError, Throttled) as error:
            errors.append({"job": job, **_told(error)})
        else:
            successful.append(job)
    return {"successful": successful, "errors": errors}


def _bounded(jobs: Sequence[Any], most: int) -> Sequence[Any]:
    if not 0 < len(jobs) <= most:
        raise InvalidRequest("jobs", f"{len(jobs)} entries", f"1 to {most:,} are allowed.")
    return jobs


def _told(error: ApiError | Throttled) -> dict[str, str]:
    known = error if isinstance(error, ApiError) else TooManyRequests("Too Many Requests")
    return {"code": known.code, "message": known.message}
