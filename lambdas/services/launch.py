"""Launching: one RunTask for one attempt, with the request that its claim froze.

Nothing is launched twice. ECS answers one token with one task for as long as it remembers tokens,
so that any number may call. But only who calls alone may take ECS's refusal for proof that the
attempt has no task, and alone is who holds the lease: the stream takes it for a fresh claim that
was refused, and asks once more; `reconcile` takes it well after the last call before it has ended.
A call in between, from the effects queue, takes the lease as well, which voids the stream's proof,
and proves nothing itself. Past `TOKEN_TRUSTED` nothing is launched any more, only looked up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lambdas.core import transitions
from lambdas.core.errors import (
    CapacityUnavailable,
    ConditionFailed,
    TaskConflict,
    TaskRefused,
)
from lambdas.core.job import JobState, Status, attempt_key, state_key, state_of
from lambdas.core.ports import Clock, Inboxes, Journal, Table, TaskContainer, TaskReport, Tasks
from lambdas.core.tables import Change, Item
from lambdas.core.updates import OWED_WITHIN
from lambdas.services.endings import Endings

#: The stream launches claims that are younger than this (ms); older ones need the lease.
FRESH = 60_000

#: Tokens live up to 24 hours, and less for short tasks: beyond this age (ms) a claim without a
#: task is looked up by `startedBy` and never launched again.
TOKEN_TRUSTED = 45 * 60_000

#: Seconds before a launch that ECS throttled is tried again.
RETRY_DELAY = 5


Refusal = CapacityUnavailable | TaskRefused


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
        """A record of the jobs stream: launch it when it is a fresh claim, or put it off.

        Whatever goes wrong with one claim does not hold up the others.
        """
        if change.key.sk != "STATE" or change.new is None:
            return
        claimed = state_of(change.new)
        if claimed.status is not Status.STARTING or _same_run(change):
            return
        try:
            self._launch_fresh(claimed)
        except Exception as error:
            self._journal.warn("launch put off", job=claimed.id, error=repr(error))
            self._inboxes.send(self._effects_queue, [json.dumps({"job": claimed.id})], RETRY_DELAY)

    def _launch_fresh(self, claimed: JobState) -> None:
        """Launch a claim that nobody has leased yet, by the right of its freshness."""
        keys = state_key(claimed.id), attempt_key(claimed.id, claimed.attempt)
        found = self._jobs.get_many(keys)
        state = state_of(found[keys[0]]) if keys[0] in found else None
        if state is None or not _waits(state) or state.run != claimed.run:
            return
        unleased = state.due_at == claimed.due_at
        if unleased and self._clock.now() < (state.claimed or 0) + FRESH:
            request = self._frozen(state, found.get(keys[1]))
            if self._run(state, request):
                self._prove(self._lease(state), request)

    def launch_again(self, state: JobState) -> None:
        """Launch an attempt that was put off, beside others who may try. Raises Throttled."""
        if not _waits(state) or self._clock.now() >= (state.claimed or 0) + TOKEN_TRUSTED:
            return
        leased = self._lease(state)
        if leased:
            self._run(leased, self._frozen(leased))

    def launch_overdue(self, state: JobState) -> None:
        """Launch, or look up, an attempt whose launch was lost, by the right of its lease."""
        now, claimed = self._clock.now(), state.claimed or 0
        if now < claimed + OWED_WITHIN:  # a debt from before the claim: the stream may be at it
            return
        leased = self._lease(state)
        if leased is None:
            return
        known = self._tasks.find(state.started_by)
        if known:
            self._record(leased, known[0])
        elif now < claimed + TOKEN_TRUSTED:
            self._prove(leased, self._frozen(leased))
        else:
            self._endings.unlaunched(leased, "its launch was lost and ECS knows no task of it")

    def _lease(self, state: JobState) -> JobState | None:
        """The job with its launch leased to us; None when another was faster."""
        try:
            item = self._jobs.write(transitions.lease_launch(state, self._clock.now()))
        except ConditionFailed:
            return None
        return state_of(item) if item else None

    def _run(self, state: JobState, request: Mapping[str, Any]) -> Refusal | None:
        """Call ECS and write its task down; its refusal, if it gave none."""
        try:
            task = self._tasks.run(request)
        except TaskConflict as conflict:
            found = [conflict.task] if conflict.task else self._tasks.find(state.started_by)
            task = next(iter(found), "")
        except (CapacityUnavailable, TaskRefused) as refusal:
            return refusal
        if task:
            self._record(state, task)
        return None

    def _prove(self, leased: JobState | None, request: Mapping[str, Any]) -> None:
        """Ask by the right of the lease: refused now, the attempt is over. Nobody without the lease
        launches beside us, also should we die while our last write is on its way."""
        refusal = self._run(leased, request) if leased else None
        if leased and refusal:
            self._give_up(leased, refusal)

    def _give_up(self, state: JobState, refusal: Refusal) -> None:
        if isinstance(refusal, CapacityUnavailable):
            self._endings.unlaunched(state, str(refusal))
        else:
            self._endings.conclude(state, _refused(state, str(refusal), self._clock.now()))

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

    def _frozen(self, state: JobState, attempt: Item | None = None) -> Mapping[str, Any]:
        """The request that the claim of this attempt froze; `attempt` if it was read."""
        attempt = attempt or self._jobs.get(attempt_key(state.id, state.attempt))
        if attempt is None or attempt["run"] != state.run:
            raise LookupError(f"job {state.id}: attempt {state.attempt} has no frozen request")
        request: Mapping[str, Any] = attempt["request"]
        return request


def _waits(state: JobState) -> bool:
    """The attempt waits for its task."""
    return state.status is Status.STARTING and state.task is None


def _same_run(change: Change) -> bool:
    """A change of an attempt that was there before; the claim's own record launches."""
    return bool(change.old and change.new and change.old.get("run") == change.new.get("run"))


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
