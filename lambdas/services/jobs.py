"""DescribeJobs, ListJobs, CancelJob and TerminateJob."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.core import transitions
from lambdas.core.catalog import Arns
from lambdas.core.errors import (
    ConditionFailed,
    InvalidRequest,
    TooManyRequests,
    UnknownResource,
    shown,
)
from lambdas.core.job import JobState, attempt_key, spec_key, state_key, state_of
from lambdas.core.ports import Clock, Journal, Table
from lambdas.core.resolve import is_job_id
from lambdas.core.tables import Item, Key, Update
from lambdas.core.views import job_detail
from lambdas.services.catalog_store import CatalogStore
from lambdas.services.listing import Listing
from lambdas.services.specs import Specs
from lambdas.services.tagging import job_tags, tags_key

MOST_JOBS = 100
LONGEST_REASON = 1024

#: How often a change that another function was faster with is tried again.
_TRIES = 5

Body = Mapping[str, Any]


class JobsService:
    """What a client can see of jobs, and how it stops them."""

    def __init__(
        self,
        *,
        jobs: Table,
        specs: Specs,
        catalog: CatalogStore,
        clock: Clock,
        journal: Journal,
        arns: Arns,
        retention_days: int,
    ) -> None:
        self._jobs = jobs
        self._specs = specs
        self._clock = clock
        self._journal = journal
        self._arns = arns
        self._retention_days = retention_days
        self._listing = Listing(jobs, catalog, arns)

    # ── looking ───────────────────────────────────────────────────────────────────────────────

    def describe(self, body: Body) -> dict[str, Any]:
        """DescribeJobs: up to 100 ids or ARNs, read strongly, in the order asked; what does not
        exist is left out, as on AWS Batch."""
        asked = body["jobs"]
        if len(asked) > MOST_JOBS:
            raise InvalidRequest("jobs", f"{len(asked)} ids", f"at most {MOST_JOBS} are allowed.")
        ids = list(dict.fromkeys(job for job in map(self._id_of, asked) if job))
        keys = [key(job) for job in ids for key in (state_key, spec_key, tags_key)]
        found = self._jobs.get_many(keys)
        there = [job for job in ids if state_key(job) in found and spec_key(job) in found]
        states = [state_of(found[state_key(job)]) for job in there]
        earlier = self._jobs.get_many([key for state in states for key in _earlier(state)])
        return {"jobs": [self._detail(state, found, earlier) for state in states]}

    def list(self, body: Body) -> dict[str, Any]:
        """ListJobs: one queue's jobs, newest first."""
        return self._listing.page(body)

    def _detail(
        self, state: JobState, found: Mapping[Key, Item], earlier: Mapping[Key, Item]
    ) -> dict[str, Any]:
        spec = self._specs.read(found[spec_key(state.id)])
        tags = job_tags(spec.tags, found.get(tags_key(state.id)))
        attempts = [earlier[key] for key in _earlier(state) if key in earlier]
        return job_detail(state, spec, attempts, tags, self._arns)

    # ── stopping ──────────────────────────────────────────────────────────────────────────────

    def cancel(self, body: Body, caller: str) -> dict[str, Any]:
        """CancelJob: a job that has not started fails with this reason; one that has is left
        alone, and the call succeeds all the same, as on AWS Batch."""
        return self._stop(body, caller, "cancel")

    def terminate(self, body: Body, caller: str) -> dict[str, Any]:
        """TerminateJob: a job fails with this reason, at once or when its task has stopped.

        The first stop that was asked for stands; ended jobs stay as they are.
        """
        return self._stop(body, caller, "terminate")

    def _stop(self, body: Body, caller: str, kind: str) -> dict[str, Any]:
        job, reason = self._job(body["jobId"]), _reason(body["reason"])
        for _ in range(_TRIES):
            write = self._stopping(self._state(job), kind, reason)
            if write is None:
                return {}
            try:
                self._jobs.write(write)
            except ConditionFailed:
                continue
            self._journal.note("stop asked for", job=job, kind=kind, caller=caller)
            return {}
        raise TooManyRequests(f"Job {job} is changing faster than it can be stopped: try again.")

    def _stopping(self, state: JobState, kind: str, reason: str) -> Update | None:
        """The write that stops a job from where it stands; None when there is nothing to do."""
        now = self._clock.now()
        if state.status.ended:
            return None
        if state.status.live:
            wished = state.stop is not None or kind == "cancel"
            return None if wished else transitions.wish_stop(state, kind, reason, now)
        expires = now // 1000 + self._retention_days * 86_400
        return transitions.withdraw(state, kind, reason, now, expires)

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _state(self, job: str) -> JobState:
        item = self._jobs.get(state_key(job))
        if item is None:
            raise UnknownResource(f"Job {job} does not exist.")
        return state_of(item)

    def _job(self, asked: str) -> str:
        job = self._id_of(asked)
        if job is None:
            raise UnknownResource(f"Job {shown(asked)} does not exist.")
        return job

    def _id_of(self, asked: str) -> str | None:
        """The id in an id or in an ARN of this deployment; None when it can not name a job."""
        job = asked.removeprefix(self._arns.job(""))
        return job if is_job_id(job) else None


def _reason(text: str) -> str:
    if not 0 < len(text) <= LONGEST_REASON:
        raise InvalidRequest("reason", text, f"1 to {LONGEST_REASON} characters are allowed.")
    return text


def _earlier(state: JobState) -> Sequence[Key]:
    """Attempts whose outcome stands on items of their own: all but the one STATE speaks of."""
    last = state.attempt if state.run is None else state.attempt - 1
    return [attempt_key(state.id, number) for number in range(1, last + 1)]
