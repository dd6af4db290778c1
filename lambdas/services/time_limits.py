"""Stops jobs that were blocked for longer than their queue allows."""

from __future__ import annotations

from collections.abc import Sequence

from lambdas.core import arrays
from lambdas.core.catalog import Queue, TimeLimit
from lambdas.core.errors import ConditionFailed, TransactionRefused
from lambdas.core.job import JobState
from lambdas.core.ports import Clock, Journal, Table
from lambdas.core.time_limits import overdue, status_reason


class TimeLimits:
    """A tick's look at its candidates before it plans."""

    def __init__(self, jobs: Table, clock: Clock, journal: Journal, retention_days: int) -> None:
        self._jobs = jobs
        self._clock = clock
        self._journal = journal
        self._retention_days = retention_days

    def enforce(self, queue: Queue, waiting: Sequence[JobState]) -> list[JobState]:
        """Stop those of a queue's waiting jobs whose time is up; the others."""
        now, left = self._clock.now(), []
        for state in waiting:
            limit = overdue(state, queue.time_limits, now)
            if limit is None:
                left.append(state)
            else:
                self._stop(state, limit, now)
        return left

    def _stop(self, state: JobState, limit: TimeLimit, now: int) -> None:
        """A job that another function was faster with is looked at again by a later tick."""
        expires = now // 1000 + self._retention_days * 86_400
        kind, reason = limit.action.lower(), status_reason(limit)
        try:
            self._jobs.transact(arrays.stopping(state, kind, reason, now, expires))
        except (ConditionFailed, TransactionRefused):
            self._journal.note("time limit overtaken", job=state.id)
            return
        self._journal.note("stopped by time limit", job=state.id, reason=limit.reason)
        self._journal.count("JobsStoppedByTimeLimit")
