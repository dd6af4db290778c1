"""Launching: one RunTask for one attempt, with the request that its claim froze.

Nothing is launched twice. ECS answers one token with one task for as long as it remembers tokens;
beyond that, time keeps callers apart: the stream launches only a claim younger than `FRESH`, and
an older one belongs to whoever takes its lease (`reconcile`, once a debt is due), well after the
last fresh call has ended. Past `TOKEN_TRUSTED` nothing is launched any more, only looked up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lambdas.core import transitions
from lambdas.core.errors import (
    BatchyardError,
    CapacityUnavailable,
    ConditionFailed,
    TaskConflict,
    TaskRefused,
)
from lambdas.core.job import JobState, Status, attempt_key, state_key, state_of
from lambdas.core.ports import Clock, Inboxes, Journal, Table, TaskContainer, TaskReport, Tasks
from lambdas.core.tables import Change
from lambdas.services.endings import Endings

#: The stream launches claims that are younger than this (ms); older ones need the lease.
FRESH = 60_000

#: Tokens live up to 24 hours, and less for short tasks: beyond this age (ms) a claim without a
#: task is looked up by `startedBy` and never launched again.
TOKEN_TRUSTED = 45 * 60_000

#: Seconds before a launch that ECS throttled is tried again.
RETRY_DELAY = 5


class Launcher:
    """The `launch` function's use case, and `reconcile`'s way to pay a launch."""

    def __init__(
        self,
        *,
        jobs: Table,
        tasks: Tasks,
        endings: Endings,
        inboxes: Inboxes,
        clock: Clock,
        journal: Journal,
        effects_queue: str,
    ) -> None:
        self._jobs = jobs
        self._tasks = tasks
        self._endings = endings
        self._inboxes = inboxes
        self._clock = clock
        self._journal = journal
        self._effects_queue = effects_queue

    def on_change(self, change: Change) -> None:
        """A record of the jobs stream: launch it when it is a fresh claim, or put it off."""
        if change.key.sk != "STATE" or change.new is None:
            return
        state = state_of(change.new)
        if state.status is not Status.STARTING or state.task is not None:
            return
        try:
            self.launch_fresh(state.id, state.run)
        except BatchyardError as error:
            self._journal.warn("launch put off", job=state.id, error=str(error))
            self._inboxes.send(self._effects_queue, [json.dumps({"job": state.id})], RETRY_DELAY)

    def launch_fresh(self, job: str, run: str | None) -> None:
        """Launch an attempt by the right of its freshness. Raises Throttled: nothing was done."""
        state = self._waiting_to_launch(job, run)
        if state and self._clock.now() < (state.claimed or 0) + FRESH:
            self._run(state)

    def launch_overdue(self, state: JobState) -> None:
        """Launch, or look up, an attempt whose launch was lost, by the right of its lease."""
        try:
            self._jobs.write(transitions.lease_launch(state, self._clock.now()))
        except ConditionFailed:
            return
        known = self._tasks.find(state.started_by)
        if known:
            self._record(state, known[0])
        elif self._clock.now() < (state.claimed or 0) + TOKEN_TRUSTED:
            self._run(state)
        else:
            self._endings.unlaunched(state, "its launch was lost and ECS knows no task of it")

    def _run(self, state: JobState) -> None:
        request = self._frozen(state)
        try:
            task = self._tasks.run(request)
        except TaskConflict as conflict:
            found = [conflict.task] if conflict.task else self._tasks.find(state.started_by)
            task = next(iter(found), "")
        except CapacityUnavailable as shortage:
            self._endings.unlaunched(state, str(shortage))
            return
        except TaskRefused as refusal:
            self._endings.conclude(state, _refused(state, str(refusal), self._clock.now()))
            return
        if task:
            self._record(state, task)

    def _record(self, state: JobState, task: str) -> None:
        """Write the task down; one of an attempt that is over by now is stopped."""
        try:
            self._jobs.write(transitions.launched(state, task))
        except ConditionFailed as refused:
            now = state_of(refused.item) if refused.item else None
            if now is None or now.run != state.run or not now.status.live:
                self._journal.warn("task of a finished attempt", job=state.id, task=task)
                self._tasks.stop(task, "its attempt is over")
            return
        self._journal.note("launched", job=state.id, attempt=state.attempt, task=task)

    def _frozen(self, state: JobState) -> Mapping[str, Any]:
        attempt = self._jobs.get(attempt_key(state.id, state.attempt))
        if attempt is None or attempt["run"] != state.run:
            raise LookupError(f"job {state.id}: attempt {state.attempt} has no frozen request")
        request: Mapping[str, Any] = attempt["request"]
        return request

    def _waiting_to_launch(self, job: str, run: str | None) -> JobState | None:
        """The job read strongly, if this attempt still waits for its task."""
        item = self._jobs.get(state_key(job))
        state = state_of(item) if item else None
        if state and state.status is Status.STARTING and state.run == run and not state.task:
            return state
        return None


def _refused(state: JobState, why: str, now: int) -> TaskReport:
    """ECS's refusal, told as the end of a task that never was."""
    return TaskReport(
        task="",
        started_by=state.started_by,
        status="STOPPED",
        version=0,
        container=TaskContainer(reason=why),
        stopped=now,
        stop_code="TaskFailedToStart",
        stopped_reason=why,
    )
