"""DescribeJobs, ListJobs, CancelJob and TerminateJob."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.core import arrays
from lambdas.core.catalog import Arns
from lambdas.core.errors import (
    ConditionFailed,
    InvalidRequest,
    TooManyRequests,
    TransactionRefused,
    UnknownResource,
    shown,
)
from lambdas.core.job import JobState, attempt_key, family, spec_key, state_key, state_of
from lambdas.core.ports import Clock, Journal, Table
from lambdas.core.resolve import is_job_id
from lambdas.core.tables import Item, Key, Write
from lambdas.core.views import job_detail
from lambdas.services.catalog_store import CatalogStore
from lambdas.services.children import Children
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
        self._children = Children(jobs)

    # ── looking ───────────────────────────────────────────────────────────────────────────────

    def describe(self, body: Body) -> dict[str, Any]:
        """DescribeJobs: up to 100 ids or ARNs, read strongly, in the order asked; what does not
        exist is left out, as on AWS Batch."""
        asked = body["jobs"]
        if len(asked) > MOST_JOBS:
            raise InvalidRequest("jobs", f"{len(asked)} ids", f"at most {MOST_JOBS} are allowed.")
        ids = list(dict.fromkeys(job for job in map(self._id_of, asked) if job))
        there = self._children.states(ids)
        keys = [key(job) for job in there for key in (spec_key, tags_key)]
        keys += [key for state in there.values() for key in _earlier(state)]
        found = self._jobs.get_many(keys)
        known = [there[job] for job in ids if job in there and spec_key(job) in found]
        return {"jobs": [self._detail(state, found) for state in known]}

    def list(self, body: Body) -> dict[str, Any]:
        """ListJobs: one queue's jobs, newest first."""
        return self._listing.page(body)

    def _detail(self, state: JobState, found: Mapping[Key, Item]) -> dict[str, Any]:
        spec = self._specs.read(found[spec_key(state.id)])
        tags = {} if state.of else job_tags(spec.tags, found.get(tags_key(state.id)))
        attempts = [found[key] for key in _earlier(state) if key in found]
        detail = job_detail(state, spec, attempts, tags, self._arns)
        if state.size:
            detail["arrayProperties"] |= {
                "statusSummary": self._children.summary(state),
                "statusSummaryLastUpdatedAt": self._clock.now(),
            }
        return detail

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
            writes = self._stopping(job, kind, reason)
            if not writes:
                return {}
            try:
                self._write(writes)
            except (ConditionFailed, TransactionRefused):
                continue
            self._journal.note("stop asked for", job=job, kind=kind, caller=caller)
            return {}
        raise TooManyRequests(f"Job {job} is changing faster than it can be stopped: try again.")

    def _stopping(self, job: str, kind: str, reason: str) -> Sequence[Write]:
        """The writes that stop a job from where it stands; none when there is nothing to do."""
        now = self._clock.now()
        expires = now // 1000 + self._retention_days * 86_400
        item = self._jobs.get(state_key(job))
        if item is not None:
            return arrays.stopping(state_of(item), kind, reason, now, expires)
        array, index = family(job)
        parent = self._jobs.get(state_key(array)) if index is not None else None
        state = state_of(parent) if parent else None
        if state is None or index is None or not index < state.size:
            raise UnknownResource(f"Job {job} does not exist.")
        if state.status.ended or state.stop:
            return ()
        return arrays.withdraw_unclaimed(state, index, kind, reason, now, expires)

    def _write(self, writes: Sequence[Write]) -> None:
        if len(writes) == 1:
            self._jobs.write(writes[0])
        else:
            self._jobs.transact(writes)

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

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
